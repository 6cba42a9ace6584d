// Package lo uses generic functions.
package lo

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/samber/lo"
	"github.com/samber/lo/mutable"
)

type person struct {
	Name string
	Age  int
}

// Main prints what the package says.
func Main() {
	ps := []person{{"Ann", 30}, {"Bob", 25}, {"Cid", 30}, {"Dee", 41}}
	by := lo.GroupBy(ps, func(p person) int { return p.Age })
	ages := lo.Keys(by)
	sort.Ints(ages)
	fmt.Println(ages, by[30], lo.Uniq([]int{1, 2, 1, 3}), lo.Chunk([]int{1, 2, 3, 4, 5}, 2))
	fmt.Println(lo.Map(ps, func(p person, i int) string { return strconv.Itoa(i) + p.Name }))
	fmt.Println(lo.Reduce(ps, func(acc int, p person, _ int) int { return acc + p.Age }, 0), lo.SumBy(ps, func(p person) float64 { return float64(p.Age) / 2 }))
	p, ok := lo.Find(ps, func(p person) bool { return p.Age > 40 })
	fmt.Println(p, ok, lo.MaxBy(ps, func(a, b person) bool { return a.Age > b.Age }))
	a, b := lo.Difference([]int{1, 2, 3}, []int{2, 3, 4})
	fmt.Println(a, b, lo.Intersect([]string{"x", "y"}, []string{"y", "z"}), lo.Ternary(ok, "yes", "no"))
	for _, t := range lo.Zip2([]int{1, 2}, []string{"a", "b"}) {
		fmt.Print(t.A, t.B, " ")
	}
	x, y := lo.Unpack2(lo.T2(1, "one"))
	fmt.Println(x, y, lo.Must(strconv.Atoi("12")), lo.FromPtr(lo.ToPtr(5)), lo.Flatten([][]int{{1}, {2, 3}}))
	fmt.Println(lo.PartitionBy([]int{-2, -1, 0, 1, 2}, func(x int) string { return lo.Switch[bool, string](x < 0).Case(true, "neg").Default("pos") }))
	err, ok := lo.TryWithErrorValue(func() error { panic("oh") })
	fmt.Println(err, ok)
	s := []int{1, 2, 3, 4}
	mutable.Reverse(s)
	fmt.Println(s, lo.CamelCase("hello big world"), lo.KebabCase("HelloBigWorld"), lo.Substring("hello", 1, 3))
	fmt.Println(<-lo.Async1(func() int { return 7 }), <-lo.Async(func() int { return 8 }), lo.Entries(map[string]int{"k": 1}), lo.Clamp(9, 1, 5))
}
