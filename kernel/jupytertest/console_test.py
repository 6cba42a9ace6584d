"""jupyter console in a terminal, with keys typed, before the installed kernel."""

import unittest

from client import NAME, below, wait_ended
from terminal import Terminal


class Console(unittest.TestCase):
    def open(self):
        t = Terminal("jupyter_console", "--kernel", NAME)
        self.addCleanup(t.close)
        t.wait(r"In \[\s*1\]: $")
        return t

    def leave(self, t, keys, *more):
        kernel = below(t.child.pid)
        self.assertGreaterEqual(len(kernel), 2, "the kernel and its session are not below the console")
        t.type(keys)
        for pattern, answer in more:
            t.wait(pattern)
            t.type(answer)
        self.assertEqual(t.ended(), 0)
        wait_ended(kernel)

    def test_a_first_visit(self):
        t = self.open()
        self.assertIn("Go with the Deep Learning Acceleration Stack", t.text())

        # A block goes on until it is whole, with what Go indents; then it runs.
        t.type("for i := range 3 {\r")
        t.wait(r"\.\.\.:     $")
        t.type("fmt.Println(i * 11)\r")
        t.wait(r"Println\(i \* 11\)\n\s+\.\.\.:     $")
        t.type("}\r")
        t.wait(r"\n0\n11\n22\n.*In \[\s*2\]: $")

        # Tab completes, and where there is a choice shows it.
        t.type("strings.ToUpperS\t")
        t.wait(r"strings\.ToUpperSpecial")
        t.type("\x15" + "kept := 40\r")  # Ctrl-U clears the line
        t.wait(r"In \[\s*3\]: $")

        # A question mark pages what is known.
        t.type("strings.Fields?\r")
        t.wait(r"func strings.Fields\(s string\) \[\]string.*In \[\s*4\]: $")

        # Ctrl-C ends the cell and keeps the variables. The console passes it on only once it waits for the cell.
        t.type('fmt.Println("run" + "ning"); for {}\r')
        t.wait(r"\nrunning\n")
        t.type("\x03")
        t.wait(r"(?i)interrupt.*In \[\s*5\]: $")
        t.type("kept + 2\r")
        t.wait(r"Out\[\s*5\]: 42\n.*In \[\s*6\]: $")

        # A cell asks, and a password is not shown.
        t.type('display.Input("name? ")\r')
        t.wait(r"name\? $")
        t.type("Ada\r")
        t.wait(r"Ada.*In \[\s*7\]: $")
        t.type('s, _ := display.Password("word? "); len(s)\r')
        t.wait(r"word\? $")
        t.type("secret\r")
        self.assertNotIn("secret", t.wait(r"Out.*6.*In \[\s*8\]: $").group())

        # An error shows where it is.
        t.type("nothing + 1\r")
        t.wait(r"undefined: nothing.*In \[\s*9\]: $")
        self.leave(t, "\x04", ("really want to exit", "y\r"))

        # The history of the last visit is behind the arrow key of the next.
        t = self.open()
        t.type("\x1b[A")
        t.wait(r"nothing \+ 1")
        t.type("\x1b[A\x1b[A\x1b[A")
        t.wait(r"kept \+ 2")
        t.type("\x15exit := 5\r")
        t.wait(r"In \[\s*2\]: $")
        t.type("exit\r")  # a name of the user's now
        t.wait(r"Out\[\s*2\]: 5\n.*In \[\s*3\]: $")
        self.leave(t, "quit\r")


if __name__ == "__main__":
    unittest.main()
