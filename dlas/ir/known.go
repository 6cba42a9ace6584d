package ir

import "sync"

// Known keeps what kernels have found out about one node's constants, so that of all who are asked about the node none
// looks twice: most of a table's rows want to know the same of the same weights. It is safe for use by many goroutines; a
// nil one keeps nothing.
type Known struct {
	mu sync.Mutex
	of map[any]any
}

// Find is what was found under the key, or else what find finds now. A key must tell all that the answer depends on beside
// the constants; its type tells what is asked for.
func Find[K comparable, V any](k *Known, key K, find func() V) V {
	if k == nil {
		return find()
	}
	k.mu.Lock()
	v, ok := k.of[key]
	k.mu.Unlock()
	if ok {
		return v.(V)
	}
	found := find() // which may itself ask
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[any]any{}
	}
	k.of[key] = found
	return found
}
