package session

import "github.com/godlas/godlas/kernel/interp"

// fromSource is what a Language can do that imports packages from source.
type fromSource interface {
	Loaded() []interp.Loaded
	Reload(module string) []string
}

var _ fromSource = (*interp.Interp)(nil)

func (s *session) fromSource() fromSource {
	l, err := s.language()
	if err != nil {
		return nil
	}
	f, _ := l.(fromSource)
	return f
}

// Folder is of magic.Session.
func (r *running) Folder() string { return r.s.folder }

// Loaded is of magic.Session.
func (r *running) Loaded() map[string]string {
	out := map[string]string{}
	if f := r.s.fromSource(); f != nil {
		for _, m := range f.Loaded() {
			out[m.Path] = m.Version
		}
	}
	return out
}

// Reload is of magic.Session.
func (r *running) Reload(module string) []string {
	if f := r.s.fromSource(); f != nil {
		return f.Reload(module)
	}
	return nil
}

// BuiltIn is of magic.Session.
func (r *running) BuiltIn(module string) bool {
	l, err := r.s.language()
	if err != nil {
		return false
	}
	b, ok := l.(interface{ BuiltIn(module string) bool })
	return ok && b.BuiltIn(module)
}
