package asm

// SparseGo runs a block of that many lanes (2 or 8) in Go.
func SparseGo(s *Sparse, lanes int) {
	s.check(lanes)
	for r := range s.Rows {
		entries := s.Entries[s.Ptr[r]:s.Ptr[r+1]]
		for v := range lanes {
			var acc [Lane]float32
			for j := range Lane {
				acc[j] = s.Bias[r]
			}
			for _, e := range entries {
				at := s.At[v] + int(e.Off)
				x := (*[Lane]float32)(s.In[at : at+Lane])
				for j := range Lane {
					acc[j] += x[j] * e.W
				}
			}
			finish(&acc, s.Out, s.Res, s.To[v]+r*s.Pitch, s.Lo, s.Hi)
		}
	}
}

func finish(acc *[Lane]float32, out, res []float32, at int, lo, hi float32) {
	if res != nil {
		for j, x := range res[at : at+Lane] {
			acc[j] += x
		}
	}
	for j, x := range acc {
		if x < lo {
			x = lo
		}
		if x > hi {
			x = hi
		}
		out[at+j] = x
	}
}
