"""What protocol 5.5 adds, and what few clients use of it, asked of the installed kernel with the real jupyter_client."""

import unittest
import uuid

from client import NAME, TIMEOUT, finish, reply_to, result, run, start
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session


class Subshells(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.km, cls.kc = start()

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()
        cls.km.shutdown_kernel()

    def control(self, kind, **content):
        self.kc.control_channel.send(self.kc.session.msg(kind + "_request", content))
        return self.kc.get_control_msg(timeout=TIMEOUT)["content"]

    def send(self, subshell, code, **options):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True, "stop_on_error": True, **options}
        msg = self.kc.session.msg("execute_request", content)
        msg["header"]["subshell_id"] = subshell
        self.kc.shell_channel.send(msg)
        return msg["header"]["msg_id"]

    def test_announced(self):
        info = self.control("kernel_info")
        self.assertIn("kernel subshells", info["supported_features"])
        self.assertEqual(info["protocol_version"], "5.5")

    def test_beside_a_busy_cell(self):
        sub = self.control("create_subshell")["subshell_id"]
        self.assertEqual(self.control("list_subshell")["subshell_id"], [sub])
        run(self.kc, "gate := make(chan string)")
        main = self.send(None, 'fmt.Println("main waits for", <-gate)')
        beside = self.send(sub, 'fmt.Println("sub"); gate <- "sub"')
        outputs, replies = {main: "", beside: ""}, {}
        idle = set()
        while len(idle) < 2:
            msg = self.kc.get_iopub_msg(timeout=TIMEOUT)
            parent = msg["parent_header"].get("msg_id")
            if msg["msg_type"] == "stream":
                outputs[parent] += msg["content"]["text"]
            if msg["content"].get("execution_state") == "idle" and parent in outputs:
                idle.add(parent)
        while len(replies) < 2:
            msg = self.kc.get_shell_msg(timeout=TIMEOUT)
            if msg["parent_header"]["msg_id"] in outputs:
                replies[msg["parent_header"]["msg_id"]] = msg["content"]["status"]
        self.assertEqual(outputs, {main: "main waits for sub\n", beside: "sub\n"})
        self.assertEqual(replies, {main: "ok", beside: "ok"})
        self.assertEqual(self.control("delete_subshell", subshell_id=sub)["status"], "ok")
        self.assertEqual(self.control("list_subshell")["subshell_id"], [])
        reply, out = finish(self.kc, self.send(sub, "1"))
        self.assertEqual((reply["status"], [m["msg_type"] for m in out]), ("error", ["status"]))

    def test_password_and_interrupt(self):
        sub = self.control("create_subshell")["subshell_id"]
        main = self.send(None, "for {}")
        asks = self.send(sub, 'word, _ := display.Password("word? ")\nlen(word)')
        msg = self.kc.get_stdin_msg(timeout=TIMEOUT)
        self.assertEqual((msg["content"], msg["parent_header"]["msg_id"]), ({"prompt": "word? ", "password": True}, asks))
        self.kc.input("secret")
        self.assertEqual(reply_to(self.kc, asks)["status"], "ok")
        self.km.interrupt_kernel()
        reply, _ = finish(self.kc, main)
        self.assertEqual(reply["ename"], "Interrupted")
        self.control("delete_subshell", subshell_id=sub)


class Protocol(unittest.TestCase):
    def test_signatures(self):
        for scheme in ("hmac-blake2b", "hmac-sha3_512", "hmac-sha1"):
            with self.subTest(scheme=scheme):
                km = KernelManager(kernel_name=NAME, session=Session(key=uuid.uuid4().hex.encode(), signature_scheme=scheme))
                km.start_kernel()
                kc = km.client()
                kc.start_channels()
                kc.wait_for_ready(timeout=TIMEOUT)
                _, out = run(kc, "20 + 1")
                self.assertEqual(result(out), ["21"])
                kc.stop_channels()
                km.shutdown_kernel()

    def test_many_requests_at_once(self):
        """More than ipykernel answers: all are sent before the first reply is read."""
        km, kc = start()
        ids = [kc.execute(f"{i}") for i in range(3000)]
        asked, answered = set(ids), []
        while len(answered) < len(ids):
            parent = kc.get_shell_msg(timeout=TIMEOUT)["parent_header"]["msg_id"]
            if parent in asked:  # not one of those that waited for the kernel
                answered.append(parent)
        self.assertEqual(answered, ids)
        kc.stop_channels()
        km.shutdown_kernel()

    def test_history_and_usage(self):
        km, kc = start()
        mark = uuid.uuid4().hex
        run(kc, f'"{mark}"')
        run(kc, f'"silent {mark}"', silent=True)
        km.restart_kernel()
        kc.wait_for_ready(timeout=TIMEOUT)

        def ask(**content):
            return [entry[2] for entry in reply_to(kc, kc.history(raw=True, **content))["history"]]

        self.assertEqual(ask(hist_access_type="search", pattern=f"*{mark}*", output=True, n=5), [[f'"{mark}"', mark]])
        self.assertEqual(ask(hist_access_type="tail", n=1, output=False), [f'"{mark}"'])
        self.assertEqual(ask(hist_access_type="range", session=-1, start=1, stop=2, output=False), [f'"{mark}"'])
        kc.control_channel.send(kc.session.msg("usage_request", {}))
        usage = kc.get_control_msg(timeout=TIMEOUT)["content"]
        for field in ("hostname", "pid", "kernel_cpu", "kernel_memory", "cpu_count", "host_virtual_memory"):
            self.assertIn(field, usage)
        self.assertEqual(usage["pid"], km.provisioner.process.pid)
        kc.stop_channels()
        km.shutdown_kernel()

    def test_comm_over_a_subshell_while_a_cell_runs(self):
        km, kc = start()
        kc.control_channel.send(kc.session.msg("create_subshell_request", {}))
        sub = kc.get_control_msg(timeout=TIMEOUT)["content"]["subshell_id"]
        cell = kc.execute("time.Sleep(time.Hour)")
        while kc.get_iopub_msg(timeout=TIMEOUT)["msg_type"] != "execute_input":
            pass
        msg = kc.session.msg("comm_open", {"comm_id": "c", "target_name": "nobody", "data": {}})
        msg["header"]["subshell_id"] = sub
        kc.shell_channel.send(msg)
        while kc.get_iopub_msg(timeout=TIMEOUT)["msg_type"] != "comm_close":
            pass
        km.interrupt_kernel()
        reply, _ = finish(kc, cell)
        self.assertEqual(reply["ename"], "Interrupted")
        kc.stop_channels()
        km.shutdown_kernel()


if __name__ == "__main__":
    unittest.main()
