// Package btree keeps things sorted.
package btree

import (
	"fmt"
	"strings"

	"github.com/google/btree"
)

type word string

func (w word) Less(than btree.Item) bool { return w < than.(word) }

type entry struct {
	key   string
	count int
}

// Main prints what the package says.
func Main() {
	t := btree.New(2)
	for _, w := range strings.Fields("the quick brown fox jumps over the lazy dog and runs away from the very small bear") {
		t.ReplaceOrInsert(word(w))
	}
	fmt.Println(t.Len(), t.Min(), t.Max(), t.Has(word("fox")), t.Get(word("cat")))
	t.AscendRange(word("c"), word("m"), func(i btree.Item) bool {
		fmt.Print(i, " ")
		return true
	})
	fmt.Println(t.Delete(word("fox")), t.DeleteMin(), t.DeleteMax(), t.Len())

	g := btree.NewG(3, func(a, b entry) bool { return a.key < b.key })
	for i := range 1000 {
		k := entry{fmt.Sprintf("k%02d", i*7919%97), 1}
		if old, ok := g.Get(k); ok {
			k.count += old.count
		}
		g.ReplaceOrInsert(k)
	}
	c := g.Clone()
	c.Clear(false)
	lo, _ := g.Min()
	hi, _ := g.Max()
	fmt.Println(g.Len(), c.Len(), lo, hi)
	total := 0
	g.Descend(func(e entry) bool { total += e.count; return true })
	g.DescendLessOrEqual(entry{key: "k05"}, func(e entry) bool { fmt.Print(e, " "); return e.key > "k02" })
	fmt.Println(total)

	o := btree.NewOrderedG[float64](4)
	for i := range 200 {
		o.ReplaceOrInsert(float64(i*37%101) / 2)
	}
	var got []float64
	o.AscendGreaterOrEqual(47.25, func(x float64) bool { got = append(got, x); return len(got) < 4 })
	fmt.Println(o.Len(), got)
	l := btree.NewFreeListG[int](8)
	p := btree.NewWithFreeListG(2, btree.Less[int](), l)
	for i := range 50 {
		p.ReplaceOrInsert(i)
	}
	for i := range 25 {
		p.Delete(i * 2)
	}
	p.Ascend(func(i int) bool { fmt.Print(i, " "); return i < 20 })
	fmt.Println(p.Len())
}
