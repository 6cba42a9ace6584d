"""What Quarto's Jupyter engine does with a kernel, scripted: it is not run here.

For each rendering it runs the kernelspec's setup cell, opens a comm that tells the kernel its options, runs the cells
with nbclient, without the lines of options that begin with //|, asks for the values of inline code as user
expressions, and runs the cleanup cell, after which it keeps the kernel for the next rendering."""

import os
import re
import unittest

from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill import translators

NAME = "godlas"


class Quarto(unittest.TestCase):
    def setUp(self):
        self.spec = KernelSpecManager().get_kernel_spec(NAME)
        kernelspec = {"name": NAME, "language": self.spec.language, "display_name": "", "path": self.spec.resource_dir}
        self.nb = new_notebook(metadata={"kernelspec": kernelspec})
        self.client = NotebookClient(self.nb, kernel_name=NAME, timeout=60, record_timing=False)
        self.client.create_kernel_manager()
        self.client.start_new_kernel()
        self.client.start_new_kernel_client()
        self.addCleanup(self.client._cleanup_kernel)

    def language_cell(self, name):
        with open(os.path.join(self.spec.resource_dir, f"quarto_{name}_cell"), encoding="utf-8") as f:
            return new_code_cell(f.read())

    def execute(self, cell, index, **options):
        source = cell.source
        lines = source.splitlines()
        while lines and re.match(r"^//\s*\| ?", lines[0]):
            lines.pop(0)
        cell.source = "\n".join(lines)
        self.client.execute_cell(cell, index, **options)
        cell.source = source

    def inline(self, text):
        """The values of `{go} EXPRESSION` in Markdown."""
        found = re.findall(r"(?:^|[^`])`{go}[ \t]([^`]+)`", text, re.MULTILINE)
        msg_id = self.client.kc.execute("", user_expressions={str(i): e for i, e in enumerate(found)})
        content = self.client.wait_for_reply(msg_id)["content"]
        self.assertEqual(content["status"], "ok")
        return [content["user_expressions"][str(i)] for i in range(len(found))]

    def render(self, *cells):
        self.nb.cells = [self.language_cell("setup"), *cells]
        options = {"fig_width": 7, "fig_format": "retina", "params": None}
        message = {"comm_id": "quarto_comm", "target_name": "quarto_kernel_setup", "data": {"options": options}}
        self.client.kc.shell_channel.send(self.client.kc.session.msg("comm_open", message))
        values, count = [], 0
        for index, cell in enumerate(self.nb.cells):
            if cell.cell_type == "markdown":
                values += self.inline(cell.source)
            else:
                count += 1
                self.execute(cell, index, execution_count=count, store_history=index > 0)
        self.nb.cells.append(self.language_cell("cleanup"))
        self.execute(self.nb.cells[-1], len(self.nb.cells) - 1, store_history=False)
        # What it prints would be read as the kernel's dependencies, in JSON.
        self.assertEqual([o for o in self.nb.cells[-1].outputs if o.get("name") == "stdout"], [])
        self.assertEqual(self.nb.cells[0].outputs, [])
        return values

    def test_renderings(self):
        for time in (1, 2):  # the second in the same kernel
            with self.subTest(time=time):
                first = new_code_cell("//| label: fig-one\n//| echo: false\ntype T struct{ A int }\nx := T{41}\nx")
                second = new_code_cell("//| output: asis\nx.A++\nfmt.Println(x.A)")
                values = self.render(first, second, new_markdown_cell("It is `{go} x.A` and `{go} x.A > 50`."))
                self.assertEqual([v["data"]["text/plain"] for v in values], ["42", "false"])
                self.assertEqual(first.outputs[0].data["text/plain"], "{A:41}")
                self.assertEqual(second.outputs[0].text, "42\n")
        # The last rendering left nothing to this one.
        [value] = self.inline("`{go} x`")
        self.assertEqual(value["status"], "error")

    def test_parameters(self):
        """--execute-params takes papermill's translator, which dlas install --papermill adds."""
        text = translators.translate_parameters(NAME, "go", {"rate": 0.5}, "Injected Parameters")
        self.assertEqual(text, "// Injected Parameters\nrate = 0.5\n")


if __name__ == "__main__":
    unittest.main()
