package compile

// Calls of a known function with up to three arguments of one word that is no
// pointer, and at most one such result, are compiled apart: they are most of
// what a recursive or numeric program does.

// direct compiles a call of f, or returns nil.
func (s *site) direct(f *fun) op {
	for _, l := range s.in {
		if l.how != copy8 {
			return nil
		}
	}
	if len(s.args) == 0 || len(s.args) > 3 || len(s.dst) > 1 || len(s.dst) == 1 && s.out[0].how != copy8 {
		return nil
	}
	a0, p0 := s.args[0], s.params[0]
	if len(s.dst) == 0 {
		return nil
	}
	d, r := s.dst[0], s.results[0]
	switch len(s.args) {
	case 1:
		return func(fr *frame) {
			f := f.target()
			nf := f.get(fr)
			*at[uint64](nf, p0) = *at[uint64](fr, a0)
			f.run(fr, nf)
			*at[uint64](fr, d) = *at[uint64](nf, r)
			fr.put(nf)
		}
	case 2:
		a1, p1 := s.args[1], s.params[1]
		return func(fr *frame) {
			f := f.target()
			nf := f.get(fr)
			*at[uint64](nf, p0) = *at[uint64](fr, a0)
			*at[uint64](nf, p1) = *at[uint64](fr, a1)
			f.run(fr, nf)
			*at[uint64](fr, d) = *at[uint64](nf, r)
			fr.put(nf)
		}
	}
	a1, p1, a2, p2 := s.args[1], s.params[1], s.args[2], s.params[2]
	return func(fr *frame) {
		f := f.target()
		nf := f.get(fr)
		*at[uint64](nf, p0) = *at[uint64](fr, a0)
		*at[uint64](nf, p1) = *at[uint64](fr, a1)
		*at[uint64](nf, p2) = *at[uint64](fr, a2)
		f.run(fr, nf)
		*at[uint64](fr, d) = *at[uint64](nf, r)
		fr.put(nf)
	}
}
