"""Notebooks without a page: nbclient, nbconvert, papermill and jupytext, as their users start them."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import nbclient
import nbconvert
import nbformat
from click.testing import CliRunner
from jupytext.cli import jupytext
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill.__main__ import papermill

NAME = "godlas"
TIMEOUT = 120


def notebook(*cells):
    nb = new_notebook(metadata={"kernelspec": {"name": NAME, "display_name": "Go (godlas)", "language": "go"}})
    for c in cells:
        nb.cells.append(new_code_cell(c) if isinstance(c, str) else c)
    return nb


def tagged(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


def outputs(cell):
    """An output a string: kind and text."""
    found = []
    for o in cell.outputs:
        if o.output_type == "stream":
            found.append(f"{o.name}: {o.text}")
        elif o.output_type == "error":
            found.append(f"error: {o.ename}: {o.evalue}")
        else:
            found.append(f"{o.output_type}: {o.data['text/plain']}")
    return found


class Case(unittest.TestCase):
    def setUp(self):
        d = tempfile.TemporaryDirectory()
        self.addCleanup(d.cleanup)
        self.dir = d.name

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, nb, name="in.ipynb"):
        nbformat.write(nb, self.path(name))
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def call(self, *argv, status=0):
        """Runs a module as a command in the test's folder and returns what it printed."""
        p = subprocess.run([sys.executable, "-m", *argv], cwd=self.dir, text=True, timeout=TIMEOUT, capture_output=True)
        self.assertEqual(p.returncode, status, p.stdout + p.stderr)
        return p.stdout + p.stderr


class NBClient(Case):
    def execute(self, nb, **options):
        return nbclient.NotebookClient(nb, kernel_name=NAME, timeout=TIMEOUT, **options).execute()

    def test_outputs(self):
        nb = self.execute(
            notebook(
                new_markdown_cell("text"),
                'x := 40\nfmt.Println("out")\nfmt.Fprintln(os.Stderr, "err")',
                "x + 2",
                'display.HTML("<b>one</b>")',
                'fmt.Println("gone")\ndisplay.Clear(true)\nfmt.Println("stays")',
                tagged('panic("meant")', "raises-exception"),
                tagged("this is never run", "skip-execution"),
                'said := make(chan bool)\ngo func() { time.Sleep(50 * time.Millisecond); fmt.Println("late"); close(said) }()\n_ = <-said',
            )
        )
        code = [c for c in nb.cells if c.cell_type == "code"]
        self.assertEqual(outputs(code[0]), ["stdout: out\n", "stderr: err\n"])
        self.assertEqual(outputs(code[1]), ["execute_result: 42"])
        self.assertEqual([c.execution_count for c in code], [1, 2, 3, 4, 5, None, 6])
        self.assertEqual(code[2].outputs[0].data["text/html"], "<b>one</b>")
        self.assertEqual(outputs(code[3]), ["stdout: stays\n"])
        self.assertEqual(outputs(code[4]), ["error: panic: meant"])
        self.assertEqual(outputs(code[5]), [])
        self.assertEqual(outputs(code[6]), ["stdout: late\n"])
        self.assertEqual(nb.metadata.language_info.name, "go")
        self.assertEqual(nb.metadata.language_info.file_extension, ".go")
        nbformat.validate(nb)

    def test_error_ends_it(self):
        nb = notebook("1", "nothing", "3")
        with self.assertRaises(nbclient.exceptions.CellExecutionError) as caught:
            self.execute(nb)
        self.assertIn("undefined: nothing", str(caught.exception))
        self.assertEqual(nb.cells[2].execution_count, None)
        nb = self.execute(notebook("nothing", "3"), allow_errors=True)
        self.assertEqual(outputs(nb.cells[1]), ["execute_result: 3"])
        nb = self.execute(notebook('panic("a")', "3"), allow_error_names=["panic"])
        self.assertEqual(outputs(nb.cells[1]), ["execute_result: 3"])

    def test_timeout_interrupts(self):
        nb = notebook("kept := 1", "for {}", "kept")
        client = nbclient.NotebookClient(
            nb, kernel_name=NAME, timeout_func=lambda cell: 1 if cell.source == "for {}" else TIMEOUT, interrupt_on_timeout=True, allow_errors=True
        )
        client.execute()
        self.assertEqual(outputs(nb.cells[2]), ["execute_result: 1"])

    def test_kernel_that_ends_its_session(self):
        """nbclient takes a dead kernel for the end of the notebook; ours is not dead."""
        nb = self.execute(notebook("x := 1", "os.Exit(3)", "1 + 1"), allow_errors=True)
        self.assertEqual(outputs(nb.cells[2]), ["execute_result: 2"])


class NBConvert(Case):
    nb = staticmethod(
        lambda: notebook(
            new_markdown_cell("# Title\n\nSome *text*."),
            "%env GREETING=hello",
            "func double(n int) int { return 2 * n }\nfmt.Println(double(21))",
            'display.HTML("<b id=marked>bold &lt;</b>")',
            "display.SVG(`<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>`)",
        )
    )

    def test_execute_to_html(self):
        nb = self.nb()
        nb.metadata.language_info = {"name": "go", "pygments_lexer": "go"}  # as JupyterLab has saved it
        self.call("nbconvert", self.write(nb), "--execute", "--to=html", "--output=out", "--log-level=ERROR")
        html = self.read("out.html")
        body = html[html.index("<main>") :]
        self.assertIn('<b id="marked">bold &lt;</b>', body)
        self.assertIn('<span class="kd">func</span>', body)  # coloured as Go
        self.assertIn("<pre>42\n</pre>", body)
        self.assertIn("data:image/svg+xml;base64", body)

    def test_execute_then_other_formats(self):
        """Executed, a notebook says which exporter makes a script of it, and with which extension."""
        self.call("nbconvert", self.write(self.nb()), "--execute", "--to=notebook", "--output=out", "--log-level=ERROR")
        nb = nbformat.read(self.path("out.ipynb"), 4)
        nbformat.validate(nb)
        self.assertEqual(outputs(nb.cells[2]), ["stdout: 42\n"])
        for kind, extension, want in [
            ("script", ".go", ["func double(n int) int { return 2 * n }", "%env GREETING=hello"]),
            ("markdown", ".md", ["    42", "```go\n%env"]),
            ("slides", ".slides.html", ["<pre>42\n</pre>"]),
            ("python", ".py", ["fmt.Println(double(21))"]),
        ]:
            with self.subTest(kind=kind):
                text, resources = nbconvert.exporters.get_exporter(kind)().from_notebook_node(nb)
                self.assertEqual(resources["output_extension"], extension)
                for w in want:
                    self.assertIn(w, text)

    def test_failing_notebook(self):
        path = self.write(notebook("nothing"), "bad.ipynb")
        said = self.call("nbconvert", path, "--execute", "--to=notebook", "--output=x", status=1)
        self.assertIn("undefined: nothing", said)


class Papermill(Case):
    """Its Python has what `dlas install --papermill` adds."""

    nb = staticmethod(
        lambda: notebook(
            tagged('rate := 0.5 // how much goes\nname := "none"\nn := 1\nlist := []int{1}\nok := false', "parameters"),
            'fmt.Printf("%.2f %q %d %v %v %T\\n", rate, name, n*2, list, ok, rate)',
        )
    )

    def mill(self, nb, *options, status=0):
        r = CliRunner().invoke(papermill, [self.write(nb), self.path("out.ipynb"), "--no-progress-bar", *options])
        said = r.output + str(r.exception or "")
        self.assertEqual(r.exit_code, status, said)
        return said, nbformat.read(self.path("out.ipynb"), 4)

    def test_command(self):
        path = self.write(self.nb())
        self.call("papermill", path, "out.ipynb", "--no-progress-bar", "-p", "n", "4")
        nb = nbformat.read(self.path("out.ipynb"), 4)
        self.assertEqual(outputs(nb.cells[2]), ['stdout: 0.50 "none" 8 [1] false float64\n'])

    def test_parameters(self):
        name = 'a "b"\n\\é世'
        _, nb = self.mill(
            self.nb(), "-p", "rate", "2", "-p", "n", "21", "-r", "name", name, "-y", "list: [3, 4]\nok: true"
        )
        self.assertEqual(nb.cells[1].metadata.tags, ["injected-parameters"])
        # rate stays a float64 though it was given as 2.
        self.assertEqual(outputs(nb.cells[2]), ['stdout: 2.00 "a \\"b\\"\\n\\\\é世" 42 [3 4] true float64\n'])

    def test_engine_without_parameters_cell(self):
        nb = notebook("fmt.Println(x, s, f, m, mixed, none, inf > 1e300, nan == nan)")
        values = "x: 3\ns: t\nf: [1, 2.5]\nm: {a: 1}\nmixed: [1, a]\nnone: []\ninf: .inf\nnan: .nan"
        _, out = self.mill(nb, "--engine", "godlas", "-y", values)
        self.assertEqual(outputs(out.cells[1]), ["stdout: 3 t [1 2.5] map[a:1] [1 a] [] true false\n"])
        # The default engine does not look whether there is one: the error says what is missing.
        said, _ = self.mill(nb, "-p", "x", "3", status=1)
        self.assertIn("undefined: x", said)

    def test_wrong_type_is_said(self):
        said, _ = self.mill(self.nb(), "-p", "n", "many", status=1)
        self.assertIn("injected-parameters", self.read("out.ipynb"))
        self.assertRegex(said, r'cannot use "many"')

    def test_help(self):
        said = CliRunner().invoke(papermill, ["--help-notebook", self.write(self.nb())]).output
        self.assertRegex(said, r"rate:.*default 0\.5.*\n?.*how much goes")
        for name in ("name", "n", "list", "ok"):
            self.assertRegex(said, rf"\b{name}:")

    def test_error_is_kept(self):
        said, nb = self.mill(notebook(tagged("x := 1", "parameters"), "nothing", "3"), "-p", "x", "2", status=1)
        self.assertIn("undefined: nothing", said)
        self.assertEqual(nb.cells[-1].execution_count, None)


class Jupytext(Case):
    cells = ["%env A=b", "x := 1\n%who\nx", "%%bash\necho $A", "!ls\nfmt.Println(x)", "// %not_a_magic\nx++", "%%time\nx"]

    def test_round_trip(self):
        nb = notebook(new_markdown_cell("# Title\n\n* a % b"), *self.cells)
        self.write(nb)
        jupytext(["--quiet", "--to", "go:percent", self.path("in.ipynb")])
        text = self.read("in.go")
        self.assertIn("// %%", text)
        for line in text.splitlines():
            self.assertFalse(re.match(r"[%!]", line), f"a magic is bare in the script: {line}")
        jupytext(["--quiet", "--to", "ipynb", self.path("in.go"), "-o", self.path("back.ipynb")])
        back = nbformat.read(self.path("back.ipynb"), 4)
        self.assertEqual([c.source for c in back.cells], [c.source for c in nb.cells])
        self.assertEqual(back.metadata.kernelspec.name, NAME)
        jupytext(["--quiet", "--to", "go:percent", self.path("back.ipynb"), "-o", self.path("again.go")])
        self.assertEqual(self.read("again.go"), text)

    def test_execute(self):
        with open(self.path("script.go"), "w", encoding="utf-8") as f:
            f.write("// %% [markdown]\n// # Title\n\n// %%\nx := 41\n\n// %%\n// %env A=b\nx + 1\n")
        self.call("jupytext", "--to", "ipynb", "--set-kernel", NAME, "--execute", "script.go")
        nb = nbformat.read(self.path("script.ipynb"), 4)
        self.assertEqual(outputs(nb.cells[2])[-1], "execute_result: 42")
        self.assertEqual(json.loads(self.read("script.ipynb"))["metadata"]["kernelspec"]["name"], NAME)


if __name__ == "__main__":
    unittest.main()
