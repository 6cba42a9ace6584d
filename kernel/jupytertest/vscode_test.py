"""What VS Code's Jupyter extension does with a kernel, scripted: it is not run here.

It finds kernelspecs by itself, without Python; starts argv with a connection file that it writes; connects with
libzmq, shell, control and stdin under one routing id and no heartbeat; and reads kernel.json for the editor's
language and how to interrupt. This is done here with pyzmq alone, frames and signatures made by hand."""

import glob
import hashlib
import hmac
import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
import uuid

import zmq

TIMEOUT = 60


def find_kernelspecs():
    """kernel.json of every kernelspec in the folders that the extension looks in, as they are on Linux."""
    roots = [p for p in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if p]
    roots += [os.environ.get("JUPYTER_DATA_DIR") or os.path.expanduser("~/.local/share/jupyter")]
    roots += ["/usr/local/share/jupyter", "/usr/share/jupyter"]
    found = {}
    for root in roots:
        for path in glob.glob(os.path.join(root, "kernels", "*", "kernel.json")):
            with open(path, encoding="utf-8") as f:
                found.setdefault(os.path.basename(os.path.dirname(path)), (path, json.load(f)))
    return found


class Kernel:
    def __init__(self, spec, folder):
        self.key = str(uuid.uuid4())
        self.session = str(uuid.uuid4())
        ports, held = [], []
        for _ in range(5):
            s = socket.socket()
            s.bind(("127.0.0.1", 0))
            held.append(s)
            ports.append(s.getsockname()[1])
        for s in held:
            s.close()
        names = ["hb_port", "shell_port", "iopub_port", "stdin_port", "control_port"]
        connection = dict(zip(names, ports))
        connection.update(
            transport="tcp", ip="127.0.0.1", key=self.key, signature_scheme="hmac-sha256", kernel_name="godlas"
        )
        self.file = os.path.join(folder, "kernel-v3" + str(uuid.uuid4()) + ".json")
        with open(self.file, "w", encoding="utf-8") as f:
            json.dump(connection, f)
        argv = [a.replace("{connection_file}", self.file) for a in spec["argv"]]
        self.process = subprocess.Popen(argv, env={**os.environ, **spec.get("env", {})}, cwd=folder)
        self.context = zmq.Context()
        routing = str(uuid.uuid4()).encode()
        self.sockets = {}
        for channel in ("iopub", "shell", "control", "stdin"):
            s = self.context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
            if channel == "iopub":
                s.setsockopt(zmq.SUBSCRIBE, b"")
                s.setsockopt(zmq.RCVHWM, 0)
            else:
                s.setsockopt(zmq.ROUTING_ID, routing)
                s.setsockopt(zmq.SNDHWM, 0)
            s.connect(f"tcp://127.0.0.1:{connection[channel + '_port']}")
            self.sockets[channel] = s

    def sign(self, parts):
        h = hmac.new(self.key.encode(), digestmod=hashlib.sha256)
        for p in parts:
            h.update(p)
        return h.hexdigest().encode()

    def send(self, channel, msg_type, content):
        header = {
            "msg_id": str(uuid.uuid4()), "msg_type": msg_type, "session": self.session, "username": "vscode",
            "date": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()), "version": "5.2",
        }
        parts = [json.dumps(p).encode() for p in (header, {}, {}, content)]
        self.sockets[channel].send_multipart([b"<IDS|MSG>", self.sign(parts), *parts])
        return header["msg_id"]

    def receive(self, channel, msg_id=None, timeout=TIMEOUT):
        """The next message of a channel, or the next that answers a request."""
        end = time.time() + timeout
        while self.sockets[channel].poll(max(0, int((end - time.time()) * 1000))):
            frames = self.sockets[channel].recv_multipart()
            at = frames.index(b"<IDS|MSG>")
            assert frames[at + 1] == self.sign(frames[at + 2 : at + 6]), "a signature does not match"
            header, parent, _, content = (json.loads(f) for f in frames[at + 2 : at + 6])
            if msg_id is None or parent.get("msg_id") == msg_id:
                return header["msg_type"], content
        raise AssertionError(f"nothing on {channel} within {timeout} s")

    def execute(self, code):
        request = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True,
            "stop_on_error": False,
        }
        return self.send("shell", "execute_request", request)

    def until_idle(self, msg_id):
        seen = []
        while True:
            kind, content = self.receive("iopub", msg_id)
            if kind == "status" and content["execution_state"] == "idle":
                return seen
            seen.append((kind, content))

    def run(self, code):
        msg_id = self.execute(code)
        seen = self.until_idle(msg_id)
        return self.receive("shell", msg_id)[1], seen

    def close(self):
        for s in self.sockets.values():
            s.close(linger=0)
        self.context.term()
        self.process.kill()
        self.process.wait()


class VSCode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path, cls.spec = find_kernelspecs()["godlas"]
        cls.kernel = Kernel(cls.spec, cls.folder.name)
        # It asks again until something has come on iopub, which may be connected after shell.
        for _ in range(200):
            msg_id = cls.kernel.send("shell", "kernel_info_request", {})
            cls.info = cls.kernel.receive("shell", msg_id)[1]
            if cls.kernel.sockets["iopub"].poll(100):
                break

    @classmethod
    def tearDownClass(cls):
        cls.kernel.close()
        cls.folder.cleanup()

    def test_kernelspec(self):
        self.assertEqual(self.spec["language"], "go")  # the language of the notebook's editors
        self.assertEqual(self.spec["interrupt_mode"], "message")
        self.assertTrue(self.spec["display_name"])
        self.assertTrue(os.path.isabs(self.spec["argv"][0]))
        self.assertIn("{connection_file}", self.spec["argv"])
        info = self.info["language_info"]
        self.assertEqual((info["name"], info["mimetype"], info["file_extension"]), ("go", "text/x-go", ".go"))

    def test_cells(self):
        reply, seen = self.kernel.run('fmt.Println("out")\n1 + 1')
        self.assertEqual(reply["status"], "ok")
        self.assertEqual([k for k, _ in seen], ["status", "execute_input", "stream", "execute_result"])
        # Every field that its checks of messages want.
        wanted = {
            "stream": {"name", "text"}, "execute_input": {"code", "execution_count"},
            "execute_result": {"execution_count", "data", "metadata"}, "status": {"execution_state"},
        }
        for kind, content in seen:
            self.assertLessEqual(wanted[kind], set(content), kind)
        reply, seen = self.kernel.run("nothing")
        error = dict(seen)["error"]
        self.assertEqual((reply["status"], error["ename"]), ("error", reply["ename"]))
        self.assertIsInstance(error["traceback"], list)

    def test_no_script_is_sent(self):
        """It shows text/javascript as text, so pictures and tables must do without."""
        _, seen = self.kernel.run('display.Show([]struct{ A int; B string }{{1, "x"}})\ndisplay.HTML("<i>h</i>")')
        mimes = {mime for kind, c in seen if kind == "display_data" for mime in c["data"]}
        self.assertIn("text/html", mimes)
        self.assertFalse({"text/javascript", "application/javascript"} & mimes)

    def test_interrupt_by_message(self):
        self.kernel.run("kept := 7")
        msg_id = self.kernel.execute("for {}")
        while self.kernel.receive("iopub", msg_id)[0] != "execute_input":
            pass
        asked = self.kernel.send("control", "interrupt_request", {})
        self.assertEqual(self.kernel.receive("control", asked)[0], "interrupt_reply")
        self.until_error(msg_id)
        _, seen = self.kernel.run("kept")
        self.assertEqual(dict(seen)["execute_result"]["data"]["text/plain"], "7")

    def until_error(self, msg_id):
        self.assertIn("error", dict(self.kernel.until_idle(msg_id)))
        self.assertEqual(self.kernel.receive("shell", msg_id)[1]["status"], "error")

    def test_input_box(self):
        msg_id = self.kernel.execute('name, _ := display.Password("word? "); len(name)')
        kind, content = self.kernel.receive("stdin", msg_id)
        self.assertEqual((kind, content["prompt"], content["password"]), ("input_request", "word? ", True))
        self.kernel.send("stdin", "input_reply", {"value": "abcd"})
        self.assertEqual(dict(self.kernel.until_idle(msg_id))["execute_result"]["data"]["text/plain"], "4")
        self.kernel.receive("shell", msg_id)

    def test_completion_while_a_cell_runs(self):
        """Its editor asks while cells run; the reply may come after, but must come."""
        busy = self.kernel.execute("time.Sleep(300 * time.Millisecond)")
        asked = self.kernel.send("shell", "complete_request", {"code": "strings.ToUpp", "cursor_pos": 13})
        self.kernel.receive("shell", busy)
        self.assertIn("ToUpper", self.kernel.receive("shell", asked)[1]["matches"])

    def test_z_shutdown(self):
        asked = self.kernel.send("control", "shutdown_request", {"restart": False})
        self.assertEqual(self.kernel.receive("control", asked)[0], "shutdown_reply")
        self.kernel.process.wait(TIMEOUT)


if __name__ == "__main__":
    unittest.main()
