// Package dap answers the debugger's requests of Jupyter: the Debug Adapter Protocol, version 1.71, with the requests that
// Jupyter adds to it (jupyter-client's messaging, "Debug request"; JEP 47).
//
// A page names a cell by the path that debugInfo lets it compute: a prefix, the Murmur2 hash of the cell's source, a suffix.
// No file is written there.
//
//   - adapter.go takes a request to its function and makes the response and events.
//   - breakpoints.go is about sources and where they stop, stops.go about threads and calls, variables.go about values,
//     evaluate.go about what is evaluated and changed.
//   - murmur2.go is the hash.
package dap
