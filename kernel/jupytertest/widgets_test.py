"""Comms and widgets of the installed kernel, asked for by the real jupyter_client and by nbclient."""

import json
import os
import time
import unittest

import ipywidgets
import jsonschema
import nbformat
from nbclient import NotebookClient

from client import NAME, TIMEOUT, finish, result, run, start, text

VIEW = "application/vnd.jupyter.widget-view+json"


class Page:
    """What a page does with comms."""

    def __init__(self, kc):
        self.kc = kc

    def send(self, kind, content, metadata=None, buffers=None, subshell=None):
        msg = self.kc.session.msg(kind, content, metadata=metadata)
        if subshell:
            msg["header"]["subshell_id"] = subshell
        self.kc.session.send(self.kc.shell_channel.socket, msg, buffers=buffers)
        return msg["header"]["msg_id"]

    def say(self, comm, data, **options):
        return self.send("comm_msg", {"comm_id": comm, "data": data}, **options)

    def update(self, comm, **state):
        return self.say(comm, {"method": "update", "state": state, "buffer_paths": []})

    def idle(self, msg_id):
        """The messages that a message is the parent of, up to idle."""
        out = []
        while True:
            m = self.kc.get_iopub_msg(timeout=TIMEOUT)
            if m["parent_header"].get("msg_id") != msg_id:
                continue
            if m["msg_type"] == "status":
                if m["content"]["execution_state"] == "idle":
                    return out
                continue
            out.append(m)

    def until(self, wanted):
        """Messages up to the first that is wanted, and that."""
        out = []
        end = time.time() + TIMEOUT
        while time.time() < end:
            out.append(self.kc.get_iopub_msg(timeout=TIMEOUT))
            if wanted(out[-1]):
                return out
        raise AssertionError(f"not among {len(out)} messages")

    def control(self, kind, content=None):
        msg = self.kc.session.msg(kind, content or {})
        self.kc.control_channel.send(msg)
        while True:
            reply = self.kc.get_control_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == msg["header"]["msg_id"]:
                return reply["content"]


def prints(what):
    return lambda m: m["msg_type"] == "stream" and what in m["content"]["text"]


def opened(out):
    """The comms that messages open, by the model's name."""
    return {m["content"]["data"]["state"]["_model_name"]: m for m in out if m["msg_type"] == "comm_open"}


class Comms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.km, cls.kc = start()
        cls.page = Page(cls.kc)

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()
        cls.km.shutdown_kernel()

    def comms(self, target=None):
        return self.page.control("comm_info_request", {"target_name": target} if target else {})["comms"]

    def widget(self, code, model):
        """Runs a cell that shows a widget; returns the widget's comm and the cell's message."""
        msg_id = self.kc.execute(code)
        reply, out = finish(self.kc, msg_id)
        self.assertEqual(reply["status"], "ok", reply)
        return opened(out)[model]["content"]["comm_id"], msg_id

    def test_opening(self):
        _, out = run(self.kc, 'widget.FloatSlider(0, 0.95).Label("prune")')
        models = opened(out)
        self.assertEqual(list(models), ["LayoutModel", "SliderStyleModel", "FloatSliderModel"])
        m = models["FloatSliderModel"]
        self.assertEqual(m["metadata"]["version"], "2.1.0")
        self.assertEqual(m["content"]["target_name"], "jupyter.widget")
        self.assertEqual(m["content"]["data"]["state"]["max"], 0.95)
        shown = [x for x in out if x["msg_type"] == "execute_result"][0]["content"]["data"]
        self.assertEqual(shown[VIEW]["model_id"], m["content"]["comm_id"])
        self.assertIn("prune", shown["text/plain"])
        self.assertEqual(self.comms("jupyter.widget")[m["content"]["comm_id"]], {"target_name": "jupyter.widget"})

    def test_targets(self):
        self.assertEqual([m["msg_type"] for m in self.page.idle(self.page.send("comm_open", {"comm_id": "u", "target_name": "unknown", "data": {}}))], ["comm_close"])
        self.assertEqual([m["msg_type"] for m in self.page.idle(self.page.say("never opened", {}))], [])
        run(self.kc, """import "github.com/godlas/godlas/kernel/display/comm"
comm.Register("echo", func(c *comm.Comm, first comm.Message) {
	fmt.Println("opened with", string(first.Data), len(first.Buffers))
	c.OnMessage(func(m comm.Message) { c.Send(map[string]any{"got": json.RawMessage(m.Data)}, append(m.Buffers, []byte{7})...) })
	c.OnClose(func(m comm.Message) { fmt.Println("closed") })
})""")
        self.page.send("comm_open", {"comm_id": "e", "target_name": "echo", "data": {"a": 1}}, buffers=[b"x"])
        self.page.until(prints('opened with {"a":1} 1'))
        self.assertEqual(self.comms("echo"), {"e": {"target_name": "echo"}})
        self.page.say("e", {"b": [1, "é"]}, buffers=[b"\0\xff", b""])
        m = self.page.until(lambda m: m["msg_type"] == "comm_msg")[-1]
        self.assertEqual(m["content"], {"comm_id": "e", "data": {"got": {"b": [1, "é"]}}})
        self.assertEqual([bytes(b) for b in m["buffers"]], [b"\0\xff", b"", b"\x07"])
        self.page.send("comm_close", {"comm_id": "e", "data": {}})
        self.page.until(prints("closed"))
        self.assertEqual(self.comms("echo"), {})

    def test_echo_before_idle(self):
        comm, _ = self.widget("widget.IntSlider(0, 10)", "IntSliderModel")
        out = self.page.idle(self.page.update(comm, value=4))
        self.assertEqual([m["content"]["data"] for m in out], [{"method": "echo_update", "state": {"value": 4}, "buffer_paths": []}])

    def test_drag(self):
        """Thousands of changes in a row: all are answered, the handler is called for some, and last for the last."""
        comm, cell = self.widget("""var called atomic.Int64
widget.IntSlider(0, 100000).OnChange(func(v int) { called.Add(1); time.Sleep(20*time.Millisecond); fmt.Println("at", v, "after", called.Load()) })""", "IntSliderModel")
        n = 3000
        ids = [self.page.update(comm, value=i + 1) for i in range(n)]
        echoes, idles, said = 0, set(), []
        last = f"at {n} after"
        while len(idles) < n or not any(last in s for s in said):
            m = self.kc.get_iopub_msg(timeout=TIMEOUT)
            parent = m["parent_header"].get("msg_id")
            if m["msg_type"] == "comm_msg" and m["content"]["data"]["method"] == "echo_update":
                self.assertEqual(m["content"]["data"]["state"]["value"], ids.index(parent) + 1)
                echoes += 1
            elif m["msg_type"] == "status" and m["content"]["execution_state"] == "idle":
                idles.add(parent)
            elif m["msg_type"] == "stream":
                self.assertEqual(parent, cell)  # 3,000 messages later it is still the cell's
                said.append(m["content"]["text"])
        self.assertEqual(echoes, n)
        calls = int("".join(said).split(last)[1].split()[0])
        self.assertLess(calls, n / 4)
        run(self.kc, "1")
        self.assertEqual(len("".join(said).splitlines()), calls)

    def test_handlers_belong_to_their_cell(self):
        comm, cell = self.widget("""widget.Button("go").OnClick(func() {
	fmt.Println("clicked")
	display.HTML("<b>shown</b>")
	var m map[string]int
	m["x"] = 1
})""", "ButtonModel")
        run(self.kc, "another := 1")
        self.page.say(comm, {"method": "custom", "content": {"event": "click"}})
        out = self.page.until(lambda m: m["msg_type"] == "error")
        mine = [m for m in out if m["msg_type"] in ("stream", "display_data", "error")]
        self.assertEqual([m["msg_type"] for m in mine], ["stream", "display_data", "error"])
        self.assertEqual({m["parent_header"]["msg_id"] for m in mine}, {cell})
        self.assertIn("assignment to entry in nil map", mine[2]["content"]["evalue"])
        self.assertIn("cell[", "".join(mine[2]["content"]["traceback"]))
        reply, out = run(self.kc, 'another + 1')
        self.assertEqual((reply["status"], result(out)), ("ok", ["2"]))

    def test_interrupt_of_a_handler(self):
        for loop in ["for {}", "time.Sleep(time.Hour)"]:
            comm, _ = self.widget('widget.Button("go").OnClick(func() { fmt.Println("begun"); ' + loop + ' })', "ButtonModel")
            self.page.say(comm, {"method": "custom", "content": {"event": "click"}})
            self.page.until(prints("begun"))
            self.assertEqual(self.page.control("interrupt_request")["status"], "ok")
            m = self.page.until(lambda m: m["msg_type"] == "error")[-1]
            self.assertEqual(m["content"]["ename"], "Interrupted")
            self.page.say(comm, {"method": "custom", "content": {"event": "click"}})  # it is called again
            self.page.until(prints("begun"))
            self.page.control("interrupt_request")
            self.page.until(lambda m: m["msg_type"] == "error")

    def test_messages_while_a_cell_runs(self):
        """Over a subshell they reach a cell that runs."""
        shell = self.page.control("create_subshell_request")["subshell_id"]
        comm, _ = self.widget("var waits = widget.IntSlider(0, 10)\nwaits", "IntSliderModel")
        msg_id = self.kc.execute('fmt.Println("waiting")\nfor waits.Value() != 7 { time.Sleep(time.Millisecond) }\n"seen"')
        self.page.until(prints("waiting"))
        self.page.send("comm_msg", {"comm_id": comm, "data": {"method": "update", "state": {"value": 7}}}, subshell=shell)
        _, out = finish(self.kc, msg_id)
        self.assertEqual(result(out), ["seen"])
        self.page.control("delete_subshell_request", {"subshell_id": shell})

    def test_interact(self):
        _, out = run(self.kc, """widget.Interact(func(level float64, kernel string) string {
	fmt.Println("called")
	if kernel == "none" { panic("no kernel") }
	return fmt.Sprint(kernel, " at ", level)
}, [2]float64{0, 1}, []string{"gemm", "none"})""")
        models = opened(out)
        comm = {name: m["content"]["comm_id"] for name, m in models.items()}
        self.assertEqual(models["FloatSliderModel"]["content"]["data"]["state"]["description"], "level")
        outputs = models["OutputModel"]["content"]["data"]["state"]["outputs"]
        self.assertEqual([o.get("text") or o["data"]["text/plain"] for o in outputs], ["called\n", "gemm at 0"])

        def becomes(said):
            return lambda m: m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == comm["OutputModel"] and said in json.dumps(m["content"])

        self.page.update(comm["FloatSliderModel"], value=0.5)
        m = self.page.until(becomes("gemm at 0.5"))[-1]
        self.assertEqual(len(m["content"]["data"]["state"]["outputs"]), 2)
        self.page.update(comm["DropdownModel"], index=1)
        m = self.page.until(becomes("no kernel"))[-1]
        self.assertEqual(m["content"]["data"]["state"]["outputs"][-1]["output_type"], "error")

    def test_long_ago(self):
        """The cell that made a widget is known however many cells and messages later."""

        made = self.kc.execute('var later = widget.Button("go").OnClick(func() { fmt.Println("of old") })')
        finish(self.kc, made)
        _, out = run(self.kc, "later")
        comm = opened(out)["ButtonModel"]["content"]["comm_id"]
        for i in range(600):
            self.kc.execute("", silent=True)
        run(self.kc, "1")
        self.page.say(comm, {"method": "custom", "content": {"event": "click"}})
        m = self.page.until(prints("of old"))[-1]
        self.assertEqual(m["parent_header"]["msg_id"], made)

    def test_states(self):
        run(self.kc, "widget.Image(image.NewGray(image.Rect(0, 0, 3, 3)))")
        self.page.idle(self.page.send("comm_open", {"comm_id": "ctl", "target_name": "jupyter.widget.control", "data": {}}, metadata={"version": "1.0.0"}))
        (m,) = self.page.idle(self.page.say("ctl", {"method": "request_states"}))
        data = m["content"]["data"]
        self.assertEqual(data["method"], "update_states")
        self.assertEqual(set(data["states"]), set(self.comms("jupyter.widget")))
        self.assertEqual(len(data["buffer_paths"]), len(m["buffers"]))
        self.assertTrue(bytes(m["buffers"][0]).startswith(b"\x89PNG"))

    def test_closing(self):
        comm, _ = self.widget("gone := widget.Text(\"x\")\ngone", "TextModel")
        _, out = run(self.kc, "gone.Close()")
        self.assertIn(comm, [m["content"]["comm_id"] for m in out if m["msg_type"] == "comm_close"])
        self.assertNotIn(comm, self.comms())
        comm, _ = self.widget("widget.Text(\"y\")", "TextModel")
        _, out = run(self.kc, "%reset -f" if "-f" in text(run(self.kc, "%reset?")[1]) else "%reset")
        self.assertEqual(self.comms("jupyter.widget"), {})

    def test_session_that_dies(self):
        comm, _ = self.widget("widget.Text(\"x\")", "TextModel")
        reply, out = run(self.kc, "os.Exit(3)")
        self.assertEqual(reply["status"], "error")
        self.assertEqual(self.comms("jupyter.widget"), {})
        self.assertEqual(run(self.kc, "widget.Text(\"x\")")[0]["status"], "ok")


class Stored(unittest.TestCase):
    def test_nbclient(self):
        """nbclient stores the widgets' state with the notebook, in the form that nbconvert and the page read."""
        nb = nbformat.v4.new_notebook(cells=[
            nbformat.v4.new_code_cell('s := widget.FloatSlider(0, 0.95).Label("prune")'),
            nbformat.v4.new_code_cell('s'),
            nbformat.v4.new_code_cell('s.SetValue(0.5)'),
            nbformat.v4.new_code_cell('widget.Interact(func(n int) any { fmt.Println("n is", n); return image.NewGray(image.Rect(0, 0, n, n)) }, 2)'),
            nbformat.v4.new_code_cell('o := widget.Output()\ndisplay.Show(o)\no.Do(func() { fmt.Println("in it") })'),
            nbformat.v4.new_code_cell('widget.Image(image.NewGray(image.Rect(0, 0, 3, 3)))'),
        ])
        NotebookClient(nb, kernel_name=NAME, timeout=TIMEOUT).execute()
        nbformat.validate(nb)
        stored = nb.metadata.widgets["application/vnd.jupyter.widget-state+json"]
        with open(os.path.join(os.path.dirname(ipywidgets.__file__), "state.schema.json")) as f:
            jsonschema.validate(json.loads(json.dumps(stored)), json.load(f))
        models = {}
        for m in stored["state"].values():
            models.setdefault(m["model_name"], []).append(m)
        self.assertEqual(models["FloatSliderModel"][0]["state"]["value"], 0.5)
        outputs = [m["state"]["outputs"] for m in models["OutputModel"]]
        self.assertIn("n is 2\n", [o[0].get("text") for o in outputs])
        self.assertIn("in it\n", [o[0].get("text") for o in outputs])
        self.assertEqual(len(models["ImageModel"][0]["buffers"]), 1)
        for cell in nb.cells[1:2] + nb.cells[3:]:
            views = [o["data"][VIEW]["model_id"] for o in cell.outputs if VIEW in o.get("data", {})]
            self.assertEqual(len(views), 1)
            self.assertIn(views[0], stored["state"])


if __name__ == "__main__":
    unittest.main()
