package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/plotting"
)

// commands is the table. It is a function, so that starting costs nothing.
func commands() []command {
	return []command{
		{name: "lab", usage: "lab [--no-browser] [--port N] [--dir FOLDER]", help: "Open JupyterLab with the godlas kernel and the quickstart notebook. The first start makes a private environment.", run: runLab},
		{name: "run", usage: "run [--json] [--go] [--spec FILE] [--LAYER CHOICE …]", help: "Measure one stack: accuracy and latency of the same compiled program, as a card.", run: runRun},
		{name: "sweep", usage: "sweep [--json] [--go] [--fresh] [--spec FILE] [--LAYER CHOICE …]", help: "Measure all points of lists such as --compress 'prune(0, .5, .9)', side by side.", run: runSweep},
		{name: "tune", usage: "tune [--json] [--go] [--spec FILE] --schedule 'tuned(N)' [--LAYER CHOICE …]", help: "Measure the candidates of a tuned schedule and keep them in the store, without a run. A later run with that schedule finds them there.", run: runTune},
		{name: "sensitivity", usage: "sensitivity PASS [-o FIGURE] [--json] [--go] [--spec FILE] [--LAYER CHOICE …]", help: "Compress each layer alone by a pass, such as 'prune(.5, .9)' or 'blocks(16x1)', and measure on the split val what that costs in accuracy. What was measured is kept in the store, where a scan that was cut short goes on.", run: runSensitivity},
		{name: "compare", usage: "compare [--stored] [A B]", help: "Compare two results of the store, the last two or those named by hash prefix: measured anew and paired, unless --stored.", run: runCompare},
		{name: "explain", usage: "explain [--json] [RESULT]", help: "Measure the newest stored result, or one named by its name or hash prefix, beside its baseline (nothing compressed, dense kernels), and say what the speed-up is, what compression allows, and where the rest went: by part, layer of the stack and node.", run: runExplain},
		{name: "results", usage: "results [--json] [--results FILE] [FILTER]", help: "List the stored results whose name, choices or hash hold FILTER.", run: runResults},
		{name: "nodes", usage: "nodes [--results FILE] [FILTER]", help: "List the nodes of the newest stored result, or of the newest whose name, choices or hash hold FILTER: kernel, ISA, schedule, time, share of the roofline, and the choice that did not apply.", run: runNodes},
		{name: "plot", usage: "plot KIND -o FIGURE [--results FILE] [--LAYER CHOICE …] [KEY=VALUE …]", help: "Draw stored results without measuring. KIND is pareto, layers, bars, landscape, confusion, or of compression elbow, expected, sensitivity, flip, histogram or sparsity; choices pick the results that have them; graph draws the network of a stack: dlas plot graph --model resnet20 -o FIGURE.", run: runPlot},
		{name: "export", usage: "export [MODEL] FILE [--LAYER CHOICE …]", help: "Write a network, compressed as --compress says: FILE.onnx for other runtimes to run, FILE.dlas for the smallest file that loses nothing. MODEL is a name or a file; without --data it is the network for the pictures that it was published for.", run: runExport},
		{name: "data", usage: "data list | data get NAME", help: "List the data sets, or download one into the cache.", run: runData},
		{name: "model", usage: "model", help: "List the networks: parameters, multiply-accumulates, bytes, and where trained weights are.", run: runModel},
		{name: "check", usage: "check FOLDER…", help: "Run the ONNX models in folders with model.onnx and test_data_set_*/input_*.pb, output_*.pb, and say of each whether it passes, fails or is unsupported. Exits with 1 where one fails.", run: runCheck},
		{name: "nb", usage: "nb run | test | convert | clean FILE.ipynb…", help: "Run notebooks, test them, make pages of them or clean them for commits, without Python or a browser. dlas nb lists the verbs.", run: runNotebook},
		{name: "exec", usage: "exec FILE.go… | FOLDER [ARGUMENT …]", help: "Run a Go program in the interpreter, without a Go toolchain. It has the streams, the arguments, the environment and the exit status that it would have compiled.", run: runExec, signals: true},
		{name: "install", usage: "install [--user | --prefix FOLDER | --sys-prefix] [--name NAME] [--display-name TEXT] [--env NAME=VALUE …] [--memory SIZE] [--papermill]", help: "Add the godlas kernel to a Jupyter that is installed already.", run: runInstall},
		{name: "uninstall", usage: "uninstall [--user | --prefix FOLDER | --sys-prefix] [--name NAME] [--papermill]", help: "Remove the godlas kernel from it.", run: runUninstall},
		{name: "doctor", usage: "doctor [--json]", help: "Look for what is wrong with this machine, and say the command that mends it. Exits with 1 where notebooks would not run.", run: runDoctor},
		{name: "help", usage: "help [COMMAND | WORD]", help: "Explain a command, or a word of the stack: a layer, a choice, a column, a verdict.", run: runHelp},
		{name: "version", usage: "version", help: "Print this program's build and machine.", run: runVersion},
		{name: "kernel", usage: "kernel --connection-file FILE [--memory SIZE] [--output SIZE]", help: "Be a Jupyter kernel; Jupyter starts this.", run: runKernel, internal: true, signals: true},
		{name: "session", usage: "session", help: "Be the process in which cells run; the kernel starts this.", run: runSession, internal: true, signals: true},
	}
}

func runHelp(_ context.Context, c *call) error {
	rest, err := c.flags().parse(0, 1)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		fmt.Fprintln(c.stdout, "dlas: the Deep Learning Acceleration Stack, and a Jupyter kernel for Go\n\nusage: dlas COMMAND [FLAGS]")
		fmt.Fprintln(c.stdout)
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		for _, row := range commands() {
			if !row.internal {
				fmt.Fprintf(w, "  %s\t%s\n", row.name, firstSentence(row.help))
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, "\ndlas COMMAND --help shows the flags; dlas help WORD explains a layer, a choice, a column or a verdict.")
		return nil
	}
	for _, row := range commands() {
		if row.name == rest[0] && !row.internal && row.name != "data" && row.name != "model" { // they are layers too
			fmt.Fprintf(c.stdout, "dlas %s\n\n%s\n", row.usage, row.help)
			return nil
		}
	}
	text, err := dlas.Help(rest[0])
	for _, k := range plotting.Kinds() {
		if k.Name == rest[0] { // elbow is a level too, roofline a column
			text, err = text+"dlas plot "+k.Name+" -o FIGURE\n  "+k.Help+"\n", nil
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprint(c.stdout, text)
	return nil
}

func runModel(_ context.Context, c *call) error {
	if _, err := c.flags().parse(0, 0); err != nil {
		return err
	}
	list, err := dlas.Models()
	if err != nil {
		return err
	}
	fmt.Fprint(c.stdout, list)
	return nil
}

func firstSentence(s string) string {
	first, _, _ := strings.Cut(s, ". ")
	return strings.TrimSuffix(first, ".")
}

func runVersion(_ context.Context, c *call) error {
	if _, err := c.flags().parse(0, 0); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "dlas %s (%s) %s %s/%s\n", dlas.Version, dlas.Build(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
