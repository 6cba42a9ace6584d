// Package header holds what the readers of files with a JSON header share.
package header

// Values is the number of commas of JSON that need not be well formed, those in strings left out: what reading it takes
// grows with them, and they are counted before it is read.
func Values(text []byte) int {
	n := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case ',':
			n++
		}
	}
	return n
}
