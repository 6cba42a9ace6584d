//go:build !linux

package compiled

// awaitsInput does not know: the user is asked when the program asks by gonbui.RequestInput, or under %%go -input.
func awaitsInput(int) bool { return false }
