package system

import (
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// joinAll resolves the concatenations that need no copying. It goes from the last to the first: the inputs of a later one
// may be those of an earlier one and more (DenseNet), whose output is then a piece of the later one's memory.
func (b *binder) joinAll() error {
	drafts := b.drafts
	var done [][]*draft // in reverse order
	for i := len(drafts) - 1; i >= 0; i-- {
		d := drafts[i]
		if !d.join {
			done = append(done, []*draft{d})
			continue
		}
		b.drafts = nil
		if err := b.joinOne(d); err != nil {
			return err
		}
		done = append(done, b.drafts)
	}
	b.drafts = nil
	for _, list := range slices.Backward(done) {
		b.drafts = append(b.drafts, list...)
	}
	return nil
}

func (b *binder) joinOne(d *draft) error {
	out := d.out[0]
	if first := d.in[0]; out.host == nil && out.kind == inArena && !out.flat && first.host != nil {
		at, together := first.at, true
		for _, f := range d.in {
			together = together && f.host == first.host && f.at == at && f.layout.Kin(out.layout) && !f.flat
			at += f.units()
		}
		if together {
			out.host, out.at = first.host, first.at
			return nil
		}
	}
	at := 0
	for i, f := range d.in {
		own := f.host == nil && f.kind == inArena && !f.flat && !slices.Contains(d.in[:i], f)
		if f.layout.Border != (ir.Border{}) && out.layout.Border != (ir.Border{}) && f.fill != out.fill {
			own = false
		}
		if out.flat {
			own = own && f.layout.Border == ir.Border{} && !b.joined[f]
		}
		if !own {
			c := &form{value: f.value, shape: f.shape, typ: f.typ, layout: ir.Layout{Block: f.layout.Block, Grid: f.layout.Grid}, kind: inArena}
			if err := b.convert(f, c); err != nil {
				return err
			}
			f = c
		}
		f.host, f.at = out, at
		at += f.units()
	}
	return nil
}

// shareInPlace lets nodes write over an input that nothing else needs any more.
func (b *binder) shareInPlace() {
	last := map[*form]int{}
	hosts := map[*form]bool{}
	for i, d := range b.drafts {
		for _, f := range d.in {
			if f != nil {
				last[f] = i
			}
		}
	}
	for _, fs := range b.forms {
		for _, f := range fs {
			if f.host != nil {
				hosts[f.host] = true
			}
		}
	}
	for i, d := range b.drafts {
		for _, j := range d.kernel.InPlace {
			if j >= len(d.in) || d.in[j] == nil {
				continue
			}
			f, out := d.in[j], d.out[0]
			if last[f] != i || hosts[f] || f.host != nil || f.kind != inArena || f.flat || out.flat && f.layout.Border != (ir.Border{}) {
				continue
			}
			if !f.shape.Equal(out.shape) || f.typ != out.typ || !f.layout.Kin(out.layout) || f.fill != out.fill {
				continue
			}
			f.host, f.at = out, 0
			hosts[out] = true
			break
		}
	}
}

// settle gives all forms in the same memory the same border, and finds where in it they lie and from which step to which
// it is needed.
func (b *binder) settle() []*form {
	var all []*form
	seen := map[*form]bool{}
	note := func(f *form) {
		for ; f != nil && !seen[f]; f = f.host {
			seen[f] = true
			f.first, f.last = len(b.drafts), -1
			all = append(all, f)
		}
	}
	for _, d := range b.drafts {
		for _, f := range d.in {
			note(f)
		}
		for _, f := range d.out {
			note(f)
		}
	}
	borders := map[*form]ir.Border{}
	for _, f := range all {
		borders[f.root()] = borders[f.root()].Union(f.layout.Border)
	}
	for _, f := range all {
		if f.layout.Block != 0 {
			f.layout.Border = borders[f.root()]
			f.root().fill |= f.fill
		}
	}
	for _, f := range all {
		if r := f.root(); f != r && f.layout.Block != 0 && r.layout.Block != 0 && r.layout.Planes(r.shape) != f.layout.Planes(f.shape) {
			f.layout.Pitch = r.layout.Planes(r.shape)
		}
		for h := f; h.host != nil; h = h.host {
			f.offset += h.at * h.unit()
		}
	}
	for i, d := range b.drafts {
		for _, fs := range [][]*form{d.in, d.out} {
			for _, f := range fs {
				if f != nil {
					r := f.root()
					r.first, r.last = min(r.first, i), max(r.last, i)
				}
			}
		}
	}
	return all
}

// place plans the memory: where every form and every workspace lies, reusing what is no longer needed.
func (b *binder) place(all []*form) error {
	var list []*span
	workspaces := make([]*span, len(b.drafts))
	for _, f := range all {
		if f.host == nil && f.kind == inArena {
			f.span = &span{size: f.bytes(), first: f.first, last: f.last}
			list = append(list, f.span)
		}
	}
	for i, d := range b.drafts {
		if bytes := int(d.bound.WorkspaceBytes); bytes > 0 {
			workspaces[i] = &span{size: bytes, first: i, last: i}
			list = append(list, workspaces[i])
		}
	}
	var err error
	if b.arena, err = layout(list); err != nil {
		return err
	}
	find := func(f *form) place {
		r := f.root()
		pl := place{kind: r.kind, at: f.offset, index: r.index, size: f.bytes(), weight: r.weight}
		if r.kind == inArena {
			pl.at += r.span.at
		}
		return pl
	}
	for i, d := range b.drafts {
		st := &b.steps[i]
		for j, f := range d.in {
			switch w := b.constant(d.node.In[j]); {
			case f != nil:
				st.in = append(st.in, find(f))
			case w != nil && d.bound.Unpacked:
				st.in = append(st.in, place{kind: inWeights, weight: w.Memory(), size: int(w.Bytes())})
			default:
				st.in = append(st.in, place{})
			}
		}
		for _, f := range d.out {
			if f == nil {
				st.out = append(st.out, place{})
				continue
			}
			st.out = append(st.out, find(f))
		}
		if s := workspaces[i]; s != nil {
			st.workspace = place{kind: inArena, at: s.at, size: s.size}
		}
	}
	for _, f := range all {
		if f.host == nil && f.kind == inArena && f.layout.Border != (ir.Border{}) && f.layout.Block != ir.Strips {
			st := &b.steps[f.first]
			fr := newFrame(f.layout, f.shape, f.typ, f.fill, f.span.at)
			fr.byRows = f.shape[0] == 1 && b.machine.ByRows(f.shape)
			st.frames = append(st.frames, fr)
		}
	}
	return nil
}
