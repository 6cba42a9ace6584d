package magic

import "github.com/godlas/godlas/kernel/display"

// Builtin is the rows that every session has.
func Builtin() []Magic {
	return []Magic{
		{Name: "lsmagic", Line: true, Run: lsmagic, Help: "list the magics by name"},
		{Name: "help", Args: "[NAME]", Line: true, Run: help, Complete: completeMagics, Help: "say what a magic does; without a name, what each does"},
		{Name: "version", Line: true, Run: version, Help: "show the version of Go that cells are run as"},

		// time
		{Name: "time", Args: "STATEMENT", Line: true, Cell: true, Go: true, Run: timeOnce, Help: timeHelp},
		{Name: "timeit", Args: "[-n N] [-r N] [-q] [-o NAME] STATEMENT", Line: true, Cell: true, Go: true, Run: timeIt, Help: timeItHelp},

		// names
		{Name: "who", Args: "[KIND|TYPE]...", Line: true, Run: who, Complete: completeWho, Help: whoHelp},
		{Name: "whos", Args: "[KIND|TYPE]...", Line: true, Run: whos, Complete: completeWho, Help: "list live names with their types and values\nKIND is var, func, type or const; TYPE is as Go writes it."},
		{Name: "reset", Args: "[-f] [-r REGEXP] [NAME]...", Line: true, Run: reset, Complete: completeNames, Help: resetHelp},

		// what cells and commands run in
		{Name: "env", Args: "[-u] [NAME[=VALUE]]", Line: true, Run: env, Complete: completeEnv, Help: envHelp},
		{Name: "cd", Args: "[DIR|-]", Line: true, Run: cd, Complete: completeFiles, Help: cdHelp},
		{Name: "pwd", Line: true, Run: pwd, Help: "show the working directory"},
		{Name: "args", Args: "[WORD]...", Line: true, Run: args, Help: "set what cells find in os.Args behind the name of the program, and read their flags from it"},
		{Name: "get", Args: "MODULE[@VERSION]...", Line: true, Run: get, Complete: completeModules, Help: getHelp},
		{Name: "use", Args: "DIR", Line: true, Run: use, Complete: completeFiles, Help: useHelp},

		// files and earlier cells
		{Name: "load", Args: "[-r LINES] FILE|CELLS", Line: true, Run: load, Complete: completeAfterFlags, Help: loadHelp},
		{Name: "run", Args: "FILE", Line: true, Run: runFile, Complete: completeFiles, Help: "run the text of a file as if it stood in this cell"},
		{Name: "save", Args: "[-a] [-f] FILE CELLS|NAME", Line: true, Run: save, Complete: completeSave, Help: saveHelp},
		{Name: "history", Args: "[-n] [-o] [-u] [-l N] [-g TEXT] [-f FILE] [CELLS]", Line: true, Run: showHistory, Help: historyHelp},
		{Name: "writefile", Args: "[-a] FILE", Cell: true, Run: writefile, Complete: completeAfterFlags, Help: writefileHelp},

		// output
		{Name: "capture", Args: "[-a] [NAME|FILE]", Line: true, Cell: true, Run: capture, Complete: completeAfterFlags, Help: captureHelp},
		{Name: "html", Cell: true, Run: body(display.HTML), Help: "show the cell as HTML"},
		{Name: "markdown", Cell: true, Run: body(display.Markdown), Help: "show the cell as Markdown"},
		{Name: "latex", Cell: true, Run: body(display.LaTeX), Help: "show the cell as a formula of LaTeX"},
		{Name: "svg", Cell: true, Run: body(display.SVG), Help: "show the cell as an SVG image"},
		{Name: "javascript", Cell: true, Run: body(display.JavaScript), Help: "run the cell as a script in the page"},

		// commands
		{Name: "with_inputs", Line: true, Run: withInputs, Help: inputsHelp},
		{Name: "with_password", Line: true, Run: withPassword, Help: passwordHelp},
		{Name: "bash", Args: scriptArgs, Cell: true, Run: script("bash"), Complete: completeScript, Help: "run the cell as a script of bash\n" + scriptHelp},
		{Name: "sh", Args: scriptArgs, Cell: true, Run: script("sh"), Complete: completeScript, Help: "run the cell as a script of sh\n" + scriptHelp},
		{Name: "script", Args: scriptFlags + " PROGRAM [ARGS]", Cell: true, Run: script(""), Complete: completeScript, Help: "give the cell to a program as its input\n" + scriptHelp},
	}
}
