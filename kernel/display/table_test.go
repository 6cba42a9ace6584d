package display

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

type point struct {
	Name  string
	X     float64
	N     int
	Since time.Time
}

type base struct{ ID int }

type derived struct {
	base
	Tags []string
	Next *derived
}

func textForm(v any) string { s, _ := bundleOf(v)[plain].(string); return s }

func TestTables(t *testing.T) {
	day := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := &derived{base{1}, []string{"a", "b"}, nil}
	two := &derived{base{2}, nil, one}
	var decoded any
	if err := json.Unmarshal([]byte(`[{"a":1,"b":"x"},{"a":2.5,"c":true}]`), &decoded); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"structs", []point{{"a", 1.5, 3, day}, {"bb", 10, 20, day}}, `
   Name     X   N  Since
0  a      1.5   3  2026-01-02 03:04:05 +0000 UTC
1  bb    10.0  20  2026-01-02 03:04:05 +0000 UTC
[2 rows × 4 columns]`},
		{"a pointer to a list of pointers", &[]*derived{one, nil, two}, `
   ID  Tags   Next
0   1  [a b]  <nil>
1
2   2  []     &{base:{ID:1} Tags:[a b] Next:<nil>}
[3 rows × 3 columns]`},
		{"decoded JSON", decoded, `
     a  b  c
0  1.0  x
1  2.5     true
[2 rows × 3 columns]`},
		{"lists", [][]float64{{1, 2}, {0.001, math.NaN(), math.Inf(-1)}}, `
       0    1     2
0  1.000    2
1  0.001  NaN  -Inf
[2 rows × 3 columns]`},
		{"a map", map[string]int{"b": 2, "a": 10}, `
key  value
a       10
b        2
[2 rows × 1 column]`},
		{"a map of structs", map[int]base{10: {1}, 9: {2}}, `
    ID
 9   2
10   1
[2 rows × 1 column]`},
		{"a field that is not exported", []struct {
			day  time.Time
			hide error
		}{{day, errors.New("oh")}}, `
   day                            hide
0  2026-01-02 03:04:05 +0000 UTC  oh
[1 row × 2 columns]`},
		{"no rows", []point{}, `
   Name  X  N  Since
[0 rows × 4 columns]`},
		{"large and small numbers", []struct{ A, B, C float64 }{{1e20, 1e-9, 0.1 + 0.2}, {1, 1, 1234567}}, `
            A           B          C
0  1.0000e+20  1.0000e-09        0.3
1  1.0000e+00  1.0000e+00  1234567.0
[2 rows × 3 columns]`},
	} {
		want := strings.TrimPrefix(c.want, "\n")
		if got := textForm(c.v); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, want)
		}
		if bundleOf(c.v)["text/html"] == nil {
			t.Errorf("%s has no HTML", c.name)
		}
	}
	for _, v := range []any{[]int{1}, []string{"a"}, []time.Time{day}, []any{1, base{}}, [][]byte{{1}}, map[string]int{}, base{}, []struct{}{{}}, [][]int{}} {
		if d := bundleOf(v); d["text/html"] != nil {
			t.Errorf("%T is a table: %s", v, d[plain])
		}
	}
}

func TestLargeTables(t *testing.T) {
	many := make([]point, 10_000_000)
	many[9_999_999].Name = "last"
	d := bundleOf(many)
	if s := d["text/html"].(string); len(s) > 20_000 || strings.Count(s, "<tr>") != 1+headRows+1+tailRows || !strings.Contains(s, "<p>10000000 rows × 4 columns</p>") || !strings.Contains(s, "last") {
		t.Errorf("%d bytes, %d rows", len(s), strings.Count(s, "<tr>"))
	}
	if s := textForm(make([]int, 10_000_000)); len(s) > 100 || !strings.HasSuffix(s, "(10000000 elements)") {
		t.Errorf("%d bytes: %.200s", len(s), s)
	}
	m := map[int]int{}
	for i := range 200_000 {
		m[i] = i
	}
	if s := textForm(m); strings.Count(s, "\n") > maxRows+3 || !strings.HasSuffix(s, "⋮\n[200000 rows × 1 column]") {
		t.Errorf("%s", s)
	}
	wide := make([][]int, 3)
	for i := range wide {
		wide[i] = make([]int, 100_000)
	}
	if s := textForm(wide); len(s) > 1000 || !strings.Contains(s, "99999") || !strings.Contains(s, "…") {
		t.Errorf("%s", s)
	}
	for range 5 {
		nested := map[string]any{}
		for i := range 100 {
			nested[fmt.Sprint(i)] = wide
		}
		if s := textForm([]map[string]any{nested}); len(s) > maxText+100 {
			t.Errorf("%d bytes", len(s))
		}
	}
}
