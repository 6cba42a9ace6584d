// Package testify asserts.
package testify

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
)

type recorder struct{ failed, stopped int }

func (r *recorder) Errorf(format string, args ...any) {
	r.failed++
	s := fmt.Sprintf(format, args...)
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); strings.Contains(l, "Error:") || strings.HasPrefix(l, "expected") || strings.HasPrefix(l, "actual") || strings.Contains(l, "Messages:") {
			fmt.Println(strings.Join(strings.Fields(l), " "))
		}
	}
}

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) FailNow() { r.stopped++; panic(r) }

type item struct {
	A int
	B []string
}

type store struct{ mock.Mock }

func (s *store) Get(key string) (int, error) {
	a := s.Called(key)
	return a.Int(0), a.Error(1)
}

var errGone = errors.New("gone")

// Main prints what the package says.
func Main() {
	r := &recorder{}
	a := assert.New(r)
	fmt.Println(a.Equal(1, 1), a.Equal(item{1, []string{"x"}}, item{1, []string{"x"}}), a.ElementsMatch([]int{1, 2}, []int{2, 1}))
	a.Equal(1, 2, "numbers %d", 5)
	a.Equal(item{1, nil}, item{2, nil})
	a.Contains("hello", "z")
	a.ErrorIs(fmt.Errorf("wrapped: %w", errGone), errGone)
	a.InDelta(1.0, 1.5, 0.1)
	a.Len([]int{1}, 2)
	a.Panics(func() { panic("x") })
	a.JSONEq(`{"a":1}`, `{"a": 1}`)
	a.Implements((*error)(nil), errGone)
	a.Greater(2, 3)
	a.Nil((*item)(nil))
	a.Empty(item{A: 1})
	a.Regexp("^h", "hello")
	a.Subset([]int{1, 2, 3}, []int{1, 9})
	func() {
		defer func() { fmt.Println("stopped", recover() == any(r)) }()
		require.NoError(r, errGone)
		fmt.Println("not reached")
	}()
	s := &store{}
	s.On("Get", "a").Return(3, nil).Once()
	s.On("Get", mock.MatchedBy(func(k string) bool { return len(k) > 3 })).Return(0, errGone)
	fmt.Println(s.Get("a"))
	fmt.Println(s.Get("long"))
	fmt.Println(s.AssertNumberOfCalls(r, "Get", 2), s.AssertCalled(r, "Get", "a"), r.failed, r.stopped)
	fmt.Println(assert.ObjectsAreEqual([]byte("a"), []byte("a")), assert.IsType(r, item{}, item{}))
}
