package kernel

import "github.com/godlas/godlas/kernel/internal/history"

// HistoryState is what is in the file of a kernel's history.
type HistoryState = history.State

// CheckHistory reads the file that Options.History names, "" standing for the same as there, without changing it. A file
// that is not there is an fs.ErrNotExist; one that the kernel could not append to is an error too.
func CheckHistory(path string) (HistoryState, error) { return history.Check(historyPath(path)) }
