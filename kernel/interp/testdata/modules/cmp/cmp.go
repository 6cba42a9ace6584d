// Package cmp compares values of its own types.
package cmp

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type gopher struct {
	Name  string
	Age   int
	Tags  map[string]bool
	Born  time.Time
	inner []float64
	Next  *gopher
}

type celsius float64

func (c celsius) Equal(d celsius) bool { return c-d < 0.5 && d-c < 0.5 }

// spaces makes what the package makes unstable on purpose stable again.
var spaces = regexp.MustCompile(`[\s\x{a0}]+`)

func tidy(s string) string { return strings.TrimSpace(spaces.ReplaceAllString(s, " ")) }

// Main prints what the package says.
func Main() {
	a := gopher{"Ann", 3, map[string]bool{"x": true}, time.Unix(5, 0).UTC(), []float64{1, 2}, &gopher{Name: "Bob"}}
	b := a
	b.Age, b.Tags, b.inner, b.Next = 4, map[string]bool{"x": true, "y": false}, []float64{1, 2.5}, &gopher{Name: "Rob"}
	opt := cmp.AllowUnexported(gopher{})
	fmt.Println(cmp.Equal(a, a, opt), cmp.Equal(a, b, opt))
	fmt.Println(tidy(cmp.Diff(a, b, opt)))
	fmt.Println(cmp.Equal(a, b, cmpopts.IgnoreUnexported(gopher{}), cmpopts.IgnoreFields(gopher{}, "Age", "Tags", "Next")))
	fmt.Println(cmp.Equal([]float64{1, 2}, []float64{1.0000001, 2}, cmpopts.EquateApprox(0, 1e-3)))
	fmt.Println(cmp.Equal([]celsius{20, 21}, []celsius{20.1, 20.8}), cmp.Equal(celsius(1), celsius(2)))
	byLen := cmp.Transformer("Len", func(s string) int { return len(s) })
	fmt.Println(cmp.Equal("abc", "xyz", byLen), tidy(cmp.Diff("abc", "wxyz", byLen)))
	sorted := cmp.Transformer("Sort", func(in []int) []int {
		out := append([]int(nil), in...)
		sort.Ints(out)
		return out
	})
	fmt.Println(cmp.Equal([]int{3, 1, 2}, []int{1, 2, 3}, sorted))
	fmt.Println(cmp.Equal([]int{3, 1, 2}, []int{1, 2, 3}, cmpopts.SortSlices(func(x, y int) bool { return x < y })))
	fmt.Println(tidy(cmp.Diff(map[string]any{"a": 1, "b": []string{"p", "q"}}, map[string]any{"a": 1.5, "b": []string{"p"}})))
	func() {
		defer func() { fmt.Println(strings.Contains(fmt.Sprint(recover()), "unexported")) }()
		cmp.Equal(a, b)
	}()
	var r reporter
	cmp.Equal(a, b, opt, cmp.Reporter(&r))
	fmt.Println(len(r.paths), r.paths)
}

type reporter struct {
	path  cmp.Path
	paths []string
}

func (r *reporter) PushStep(ps cmp.PathStep) { r.path = append(r.path, ps) }
func (r *reporter) PopStep()                 { r.path = r.path[:len(r.path)-1] }
func (r *reporter) Report(rs cmp.Result) {
	if !rs.Equal() {
		vx, vy := r.path.Last().Values()
		r.paths = append(r.paths, fmt.Sprintf("%v: %v | %v", r.path, vx.IsValid(), vy.IsValid()))
	}
}
