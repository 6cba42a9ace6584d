// Package waits has the locks, groups and conditions of package sync as cells
// call them: waiting ends when the cell is stopped, and leaves no goroutine.
//
// The values stay those of package sync, which compiled code can use at the same
// time. Whoever does not get a lock at once parks here, in a queue by the lock's
// address, and is woken by the one that gives it back; as compiled code does not
// wake it, it also looks by itself now and then.
package waits
