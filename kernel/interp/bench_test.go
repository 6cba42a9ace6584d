package interp

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func benchmark(b *testing.B, setup, cell string) {
	in, _ := session(b, setup)
	b.ResetTimer()
	for i := range b.N {
		if _, err := in.Eval(context.Background(), Cell{N: i, Source: cell}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCell(b *testing.B) { benchmark(b, "y := 2", "x := 1 + y") }

func BenchmarkLoopInFunc(b *testing.B) {
	benchmark(b, "func f() float64 { s := 0.0; for i := 0; i < 1_000_000; i++ { s += 0.5 }; return s }", "f()")
}

func BenchmarkLoopAtTop(b *testing.B) {
	benchmark(b, "s := 0.0", "for i := 0; i < 1_000_000; i++ { s += 0.5 }")
}

func BenchmarkSliceSum(b *testing.B) {
	benchmark(b, "xs := make([]float64, 1_000_000); func sum(xs []float64) (s float64) { for _, x := range xs { s += x }; return }", "sum(xs)")
}

func BenchmarkFib(b *testing.B) {
	benchmark(b, "func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }", "fib(20)")
}

func BenchmarkNativeCalls(b *testing.B) {
	benchmark(b, `import "math"; import "strings"; var sb strings.Builder`, "for i := range 10_000 { _ = math.Sqrt(float64(i)); sb.Len() }")
}

func BenchmarkClosureCalls(b *testing.B) {
	benchmark(b, "n := 0; add := func(k int) { n += k }", "for i := range 100_000 { add(i) }")
}

func BenchmarkMap(b *testing.B) {
	benchmark(b, "func f() int { m := map[int]int{}; for i := range 100_000 { m[i%100] += i }; return len(m) }", "f()")
}

func BenchmarkNew(b *testing.B) {
	for range b.N {
		session(b, "x := 1")
	}
}

func BenchmarkCell200Lines(b *testing.B) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("x%d := %d + %d", i, i, i))
	}
	benchmark(b, "y := 1", strings.Join(lines, "\n"))
}
