// Package awaits tells when a program that a cell has started waits for its standard input, so that the user can be asked.
package awaits

// Known says whether this system lets it be seen.
const Known = known

// Input reports whether a process, or one that it has started and that still runs, is in the system call that reads its file
// descriptor 0. It is false where that cannot be seen.
func Input(pid int) bool { return input(pid) }
