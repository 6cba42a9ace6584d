"""What qtconsole asks of a kernel, in its order and with its own arguments, without its window."""

import unittest

from client import TIMEOUT, finish, reply_to, run, start


class QtConsole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.km, cls.kc = start()

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()
        cls.km.shutdown_kernel()
        cls.km.cleanup_resources()

    def reply(self, msg_id):
        return reply_to(self.kc, msg_id)

    def test_starts(self):
        """Its start: kernel_info for the banner, the history, a prompt by an empty silent cell."""
        info = self.reply(self.kc.kernel_info())
        self.assertIn("godlas", info["banner"])
        self.assertEqual(info["language_info"]["pygments_lexer"], "go")
        self.assertTrue(all(set(link) == {"text", "url"} for link in info["help_links"]))
        run(self.kc, "first := 1")
        run(self.kc, "second := `a\nb`")
        last, _ = run(self.kc, "second := `a\nb`")
        items = self.reply(self.kc.history(hist_access_type="tail", n=1000))["history"]
        self.assertEqual([i[2] for i in items[-3:]], ["first := 1", "second := `a\nb`", "second := `a\nb`"])
        self.assertTrue(all(len(i) == 3 and isinstance(i[0], int) and isinstance(i[1], int) for i in items))
        reply, out = run(self.kc, "", silent=True)
        self.assertEqual(reply["status"], "ok")
        self.assertEqual(reply["execution_count"], last["execution_count"])  # the prompt shows the one after
        self.assertEqual([m["msg_type"] for m in out], ["status"])

    def test_expression_callback(self):
        """Its extensions evaluate expressions silently, known by a random key."""
        run(self.kc, "seen := []string{`é`}")
        reply, out = run(self.kc, "", silent=True, user_expressions={"6f1c": "len(seen)", "77": "none"})
        self.assertEqual(reply["user_expressions"]["6f1c"]["status"], "ok")
        self.assertEqual(reply["user_expressions"]["6f1c"]["data"]["text/plain"], "1")
        self.assertEqual(reply["user_expressions"]["77"]["status"], "error")
        self.assertEqual([m["msg_type"] for m in out], ["status"])

    def test_completion(self):
        code = "é := 1\nstrings.ToUp"
        content = self.reply(self.kc.complete(code=code, cursor_pos=len(code)))
        # It takes the text between the two for what is replaced.
        self.assertEqual(code[content["cursor_start"] : content["cursor_end"]], "ToUp")
        self.assertIn("ToUpper", content["matches"])

    def test_call_tip(self):
        """A tip when a parenthesis opens: the text up to the first blank lines is shown."""
        code = "strings.Repeat("
        content = self.reply(self.kc.inspect(code, len(code)))
        self.assertTrue(content["found"])
        text = content["data"]["text/plain"]
        self.assertIn("Repeat(s string, count int) string", text.split("\n\n")[0])
        self.assertFalse(self.reply(self.kc.inspect("nothing(", 8))["found"])

    def test_is_complete(self):
        for code, status, indent in [
            ("x := 1", "complete", None),
            ("if true {", "incomplete", "    "),
            ("if true {\n\tfor {", "incomplete", "\t\t"),
            ("x := )", "invalid", None),
        ]:
            with self.subTest(code=code):
                content = self.reply(self.kc.is_complete(code))
                self.assertEqual(content["status"], status)
                self.assertEqual(content.get("indent"), indent)

    def test_pager(self):
        reply, out = run(self.kc, "strings.Repeat?")
        [page] = reply["payload"]
        self.assertEqual(page["source"], "page")
        self.assertIn("func strings.Repeat", page["data"]["text/plain"])  # the window's plain kind
        self.assertTrue(all(isinstance(text, str) for text in page["data"].values()))
        self.assertEqual([m["msg_type"] for m in out if m["msg_type"] not in ("status", "execute_input")], [])

    def test_leaving_words(self):
        for word in ("exit", "quit", "exit()"):
            reply, _ = run(self.kc, word)
            self.assertEqual(reply["payload"], [{"source": "ask_exit", "keepkernel": False}])
        run(self.kc, "quit := 3")
        reply, out = run(self.kc, "quit")
        self.assertEqual(reply["payload"], [])
        self.assertEqual([m["content"]["data"]["text/plain"] for m in out if m["msg_type"] == "execute_result"], ["3"])

    def test_errors_join(self):
        """Its window joins the lines of a traceback with line feeds and reads their colours."""
        reply, out = run(self.kc, "x := 1\nundefined(x)")
        [error] = [m["content"] for m in out if m["msg_type"] == "error"]
        self.assertEqual(error["traceback"], reply["traceback"])
        text = "\n".join(error["traceback"])
        self.assertIn("undefined: undefined", text)
        self.assertRegex(text, "\x1b\\[[0-9;]*m")
        self.assertIsInstance(reply["execution_count"], int)

    def test_input_of_another_client(self):
        """With include_other_output it shows what another window runs: its input comes with code and count."""
        other = self.km.client()
        other.session = type(self.kc.session)(key=self.kc.session.key)
        other.start_channels()
        self.addCleanup(other.stop_channels)
        other.wait_for_ready(timeout=TIMEOUT)
        msg_id = other.execute("1 + 41")
        finish(other, msg_id)
        seen = {}
        while "execute_result" not in seen:
            m = self.kc.get_iopub_msg(timeout=TIMEOUT)
            if m["parent_header"].get("msg_id") == msg_id:
                seen[m["msg_type"]] = m
                self.assertNotEqual(m["parent_header"]["session"], self.kc.session.session)
        self.assertEqual(seen["execute_input"]["content"]["code"], "1 + 41")


if __name__ == "__main__":
    unittest.main()
