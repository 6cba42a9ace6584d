package main

// program is what both interpreters run. The setup is evaluated once, piece by piece, the rest is timed; it ends in an
// expression that both must agree on.
type program struct {
	name  string
	setup []string
	run   string
}

func programs() []program {
	return []program{
		{"fib(27)", []string{`func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }`}, `fib(27)`},
		{"10 million float additions in a func", []string{`func add(n int) float64 { s := 0.0; for i := 0; i < n; i++ { s += 0.5 }; return s }`}, `add(10000000)`},
		{"10 million float additions at top level", []string{`s := 0.0`}, `for i := 0; i < 10000000; i++ { s += 0.5 }`},
		{"sieve of 2 million", []string{`func sieve(n int) int {
	composite := make([]bool, n+1)
	count := 0
	for i := 2; i <= n; i++ {
		if !composite[i] {
			count++
			for j := i * i; j <= n; j += i {
				composite[j] = true
			}
		}
	}
	return count
}`}, `sieve(2000000)`},
		{"product of 120 x 120 matrices", []string{`func mul(n int) float64 {
	a, b, c := make([][]float64, n), make([][]float64, n), make([][]float64, n)
	for i := 0; i < n; i++ {
		a[i], b[i], c[i] = make([]float64, n), make([]float64, n), make([]float64, n)
		for j := 0; j < n; j++ {
			a[i][j], b[i][j] = float64(i+j), float64(i-j)
		}
	}
	for i := 0; i < n; i++ {
		for j := 0; j < n; j++ {
			var s float64
			for k := 0; k < n; k++ {
				s += a[i][k] * b[k][j]
			}
			c[i][j] = s
		}
	}
	return c[n/2][n/3]
}`}, `mul(120)`},
		{"map of ints", []string{`func count(n int) int {
	m := map[int]int{}
	for i := 0; i < n; i++ {
		m[i%1000] += i
	}
	s := 0
	for k, v := range m {
		s += k ^ v
	}
	return s + len(m)
}`}, `count(500000)`},
		{"map of strings", []string{`import "strings"`, `func words(n int) int {
	text := strings.Fields("the quick brown fox jumps over the lazy dog and the dog barks at the fox")
	m := map[string]int{}
	for i := 0; i < n; i++ {
		for _, w := range text {
			m[w]++
		}
	}
	return m["the"]*100 + len(m)
}`}, `words(20000)`},
		{"strings byte by byte and joined", []string{`func hash(n int) int {
	h := 0
	for k := 0; k < n; k++ {
		s := ""
		for i := 0; i < 20; i++ {
			s += "xyz"
		}
		for i := 0; i < len(s); i++ {
			h = (h*31 + int(s[i])) % 1000003
		}
		for _, r := range s {
			h += int(r)
		}
	}
	return h
}`}, `hash(10000)`},
		{"calls of compiled functions", []string{`import "math"`, `import "strings"`, `import "strconv"`, `func native(n int) float64 {
	s := 0.0
	for i := 0; i < n; i++ {
		s += math.Sqrt(float64(i)) + math.Pow(2, 0.5) + math.Max(1, float64(i))
		if strings.Contains("hello", "ell") {
			s += float64(len(strconv.Itoa(i)))
		}
	}
	return s
}`}, `native(300000)`},
		{"methods of compiled types", []string{`import "strings"`, `import "time"`, `import "math/rand"`, `func native(n int) int {
	var b strings.Builder
	r := rand.New(rand.NewSource(1))
	d := 1500 * time.Millisecond
	s := 0
	for i := 0; i < n; i++ {
		b.WriteByte(byte('a' + i%26))
		s += b.Len() + r.Intn(100) + int(d.Seconds())
	}
	return s
}`}, `native(200000)`},
		{"methods", []string{`type counter struct{ n, step int }`, `func (c *counter) add(k int) { c.n += k * c.step }`, `func (c counter) get() int { return c.n }`, `func methods(n int) int {
	c := &counter{step: 3}
	for i := 0; i < n; i++ {
		c.add(i & 7)
		if c.get() > 1000000 {
			c.n = 0
		}
	}
	return c.get()
}`}, `methods(500000)`},
		{"closures", []string{`func closures(n int) int {
	total := 0
	add := func(k int) int { total += k; return total }
	twice := func(f func(int) int, k int) int { f(k); return f(k) }
	for i := 0; i < n; i++ {
		twice(add, i&3)
	}
	return total
}`}, `closures(300000)`},
		{"interface calls", []string{`type shape interface{ area() float64 }`, `type rect struct{ w, h float64 }`, `type square struct{ s float64 }`, `func (r rect) area() float64 { return r.w * r.h }`, `func (q square) area() float64 { return q.s * q.s }`, `func areas(n int) float64 {
	shapes := []shape{rect{1, 2}, square{3}, rect{4, 5}, square{6}}
	s := 0.0
	for i := 0; i < n; i++ {
		s += shapes[i&3].area()
	}
	return s
}`}, `areas(500000)`},
		{"sort by a closure", []string{`import "sort"`, `func sorted(n int) int {
	xs := make([]int, n)
	x := uint32(1)
	for i := range xs {
		x = x*1664525 + 1013904223
		xs[i] = int(x >> 8)
	}
	sort.Slice(xs, func(i, j int) bool { return xs[i] < xs[j] })
	return xs[n/2]
}`}, `sorted(50000)`},
		{"structs in slices", []string{`type body struct{ x, v float64 }`, `func move(n int) float64 {
	bs := make([]body, 100)
	for k := 0; k < n; k++ {
		for i := range bs {
			b := &bs[i]
			b.v += 0.5 * float64(i)
			b.x += b.v * 0.01
		}
	}
	return bs[99].x
}`}, `move(5000)`},
		{"fmt.Sprintf", []string{`import "fmt"`, `func format(n int) int {
	k := 0
	for i := 0; i < n; i++ {
		k += len(fmt.Sprintf("%d %s %.2f", i, "x", float64(i)))
	}
	return k
}`}, `format(50000)`},
		{"channels and goroutines", []string{`func channels(n int) int {
	c := make(chan int)
	go func() {
		for i := 0; i < n; i++ {
			c <- i
		}
		close(c)
	}()
	s := 0
	for v := range c {
		s += v
	}
	return s
}`}, `channels(100000)`},
		{"tree of pointers", []string{`type node struct {
	key         int
	left, right *node
}`, `func (t *node) insert(k int) *node {
	if t == nil {
		return &node{key: k}
	}
	if k < t.key {
		t.left = t.left.insert(k)
	} else if k > t.key {
		t.right = t.right.insert(k)
	}
	return t
}`, `func tree(n int) int {
	var root *node
	x := uint32(1)
	for i := 0; i < n; i++ {
		x = x*1664525 + 1013904223
		root = root.insert(int(x >> 12))
	}
	d := 0
	for t := root; t != nil; t = t.left {
		d++
	}
	return d
}`}, `tree(20000)`},
	}
}
