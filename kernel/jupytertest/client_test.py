"""What jupyter_kernel_test does not ask of a kernel, asked of the installed one with the real jupyter_client."""

import os
import tempfile
import time
import unittest

from client import TIMEOUT, finish, result, run, start, text


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:  # a zombie that nobody has waited for has ended
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if os.path.exists("/proc/self"):
            return False
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.km, cls.kc = start()

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()
        cls.km.shutdown_kernel()

    def wait_busy(self, msg_id):
        while True:
            msg = self.kc.get_iopub_msg(timeout=TIMEOUT)
            if msg["parent_header"].get("msg_id") == msg_id and msg["msg_type"] == "execute_input":
                return

    def test_state_lives(self):
        run(self.kc, "alive := 40")
        run(self.kc, "func inc(n int) int { return n + 2 }")
        _, out = run(self.kc, "inc(alive)")
        self.assertEqual(result(out), ["42"])

    def test_interrupt_keeps_state(self):
        run(self.kc, "kept := 41")
        for code in ["for {}", "time.Sleep(time.Hour)", "select {}", "ch := make(chan int); <-ch"]:
            with self.subTest(code=code):
                msg_id = self.kc.execute(code)
                self.wait_busy(msg_id)
                time.sleep(0.1)
                begun = time.time()
                self.km.interrupt_kernel()
                reply, _ = finish(self.kc, msg_id)
                self.assertEqual(reply["status"], "error")
                self.assertLess(time.time() - begun, 5)
                _, out = run(self.kc, "kept")
                self.assertEqual(result(out), ["41"])

    def test_session_that_dies(self):
        for code, says in [
            ("os.Exit(3)", "os.Exit(3)"),
            ("p, _ := os.FindProcess(os.Getpid())\np.Kill()\nselect {}", "killed"),
            ("func deep(n int) int { return deep(n+1) + 1 }\ndeep(0)", "stack overflow"),
        ]:
            with self.subTest(code=code):
                run(self.kc, "lost := 1")
                reply, out = run(self.kc, code)
                self.assertEqual(reply["status"], "error")
                self.assertIn(says, reply["evalue"])
                self.assertEqual([m["msg_type"] for m in out if m["msg_type"] == "error"], ["error"])
                reply, out = run(self.kc, "1 + 1")
                self.assertEqual(reply["status"], "ok")
                self.assertEqual(result(out), ["2"])

    def test_stdin(self):
        answers, asked, out = ["Ada", "secret"], [], []

        def ask(msg):
            asked.append((msg["content"]["prompt"], msg["content"]["password"]))
            self.kc.input(answers[len(asked) - 1])

        self.kc.execute_interactive(
            'name, _ := display.Input("who? ")\npass, _ := display.Password("word? ")\nfmt.Println(name, len(pass))',
            stdin_hook=ask,
            output_hook=out.append,
            timeout=TIMEOUT,
        )
        self.assertEqual(asked, [("who? ", False), ("word? ", True)])
        self.assertEqual(text(out), "Ada 6\n")

    def test_stop_on_error(self):
        ids = [self.kc.execute("time.Sleep(100*time.Millisecond); panic(1)"), self.kc.execute("2"), self.kc.execute("3")]
        states = [finish(self.kc, i)[0]["status"] for i in ids]
        self.assertEqual(states, ["error", "aborted", "aborted"])

    def test_silent_and_expressions(self):
        reply, out = run(self.kc, 'fmt.Println("x")', silent=True)
        self.assertEqual([m["msg_type"] for m in out], ["status"])
        reply, _ = run(self.kc, "seven := 7", user_expressions={"a": "seven * 6", "b": "nothing"})
        self.assertEqual(reply["user_expressions"]["a"]["data"]["text/plain"], "42")
        self.assertEqual(reply["user_expressions"]["b"]["status"], "error")

    def test_control_while_a_cell_runs(self):
        msg_id = self.kc.execute("time.Sleep(time.Hour)")
        self.wait_busy(msg_id)
        self.kc.control_channel.send(self.kc.session.msg("kernel_info_request", {}))
        reply = self.kc.get_control_msg(timeout=TIMEOUT)
        self.assertEqual(reply["msg_type"], "kernel_info_reply")
        self.km.interrupt_kernel()
        finish(self.kc, msg_id)

    def test_order_and_whole_characters(self):
        _, out = run(self.kc, 'for i := range 20000 { fmt.Print("aé世", i, "\\n") }\nfmt.Fprintln(os.Stderr, "end")')
        self.assertEqual(text(out), "".join(f"aé世{i}\n" for i in range(20000)))
        self.assertLess(len(out), 200)
        _, out = run(self.kc, 'fmt.Println(1); display.HTML("<b>2</b>"); fmt.Println(3)\n4')
        kinds = [m["msg_type"] for m in out if m["msg_type"] not in ("status", "execute_input")]
        self.assertEqual(kinds, ["stream", "display_data", "stream", "execute_result"])

    def test_comm_to_nobody_is_closed(self):
        msg = self.kc.session.msg("comm_open", {"comm_id": "c", "target_name": "nobody", "data": {}})
        self.kc.shell_channel.send(msg)
        while True:
            m = self.kc.get_iopub_msg(timeout=TIMEOUT)
            if m["msg_type"] == "comm_close":
                self.assertEqual(m["content"]["comm_id"], "c")
                return

    def test_wrong_key_is_ignored(self):
        key, self.kc.session.key = self.kc.session.key, b"wrong"
        try:
            self.kc.execute("1")
        finally:
            self.kc.session.key = key
        reply, _ = run(self.kc, "1")
        self.assertEqual(reply["status"], "ok")


class Life(unittest.TestCase):
    def test_restart_and_shutdown(self):
        km, kc = start()
        run(kc, "x := 1")
        begun = time.time()
        km.restart_kernel()
        self.assertLess(time.time() - begun, 4)
        kc.wait_for_ready(timeout=TIMEOUT)
        reply, _ = run(kc, "x")
        self.assertEqual(reply["status"], "error")
        kc.execute("for {}")
        time.sleep(0.2)
        begun = time.time()
        km.shutdown_kernel()
        self.assertLess(time.time() - begun, 4)
        kc.stop_channels()

    def test_no_orphans(self):
        for code in ("1", "for {}"):
            with self.subTest(code=code):
                km, kc = start()
                _, out = run(kc, "os.Getpid()")
                session = int(result(out)[0])
                kc.execute(code)
                time.sleep(0.3)
                km.provisioner.process.kill()
                end = time.time() + 20
                while alive(session):
                    self.assertLess(time.time(), end, "the session outlives its kernel")
                    time.sleep(0.05)
                kc.stop_channels()
                km.shutdown_kernel(now=True)

    def test_ipc(self):
        with tempfile.TemporaryDirectory() as d:
            old = os.getcwd()
            os.chdir(d)
            try:
                km, kc = start(transport="ipc")
                try:
                    _, out = run(kc, "1 + 1")
                    self.assertEqual(result(out), ["2"])
                finally:
                    kc.stop_channels()
                    km.shutdown_kernel()
            finally:
                os.chdir(old)

    def test_second_client(self):
        km, kc = start()
        other = km.client()
        other.session = type(kc.session)(key=kc.session.key)
        other.start_channels()
        other.wait_for_ready(timeout=TIMEOUT)
        run(kc, "shared := 5")
        _, out = run(other, "shared")
        self.assertEqual(result(out), ["5"])
        for c in (other, kc):
            c.stop_channels()
        km.shutdown_kernel()


if __name__ == "__main__":
    unittest.main()
