// Package pflag reads command lines.
package pflag

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

type level int

func (l *level) String() string { return [...]string{"low", "mid", "high"}[*l] }
func (l *level) Type() string   { return "level" }
func (l *level) Set(s string) error {
	for i, n := range []string{"low", "mid", "high"} {
		if n == s {
			*l = level(i)
			return nil
		}
	}
	return fmt.Errorf("no level %q", s)
}

// Main prints what the package says.
func Main() {
	fs := pflag.NewFlagSet("tool", pflag.ContinueOnError)
	var out strings.Builder
	fs.SetOutput(&out)
	n := fs.IntP("number", "n", 3, "how `many`")
	name := fs.String("name", "x", "a name")
	ds := fs.DurationSlice("wait", nil, "how long")
	m := fs.StringToInt("map", map[string]int{}, "pairs")
	ip := fs.IP("ip", net.IPv4(127, 0, 0, 1), "address")
	v := fs.CountP("verbose", "v", "more")
	var l level
	fs.Var(&l, "level", "one of three")
	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, n string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(n, "_", "-"))
	})
	_ = fs.MarkDeprecated("name", "use something else")
	err := fs.Parse([]string{"-vvn7", "--name=ann", "--wait", "1s,2m", "--map", "a=1,b=2", "--ip", "10.0.0.1", "--level=high", "rest", "--", "-z"})
	fmt.Println(*n, *name, *ds, (*m)["a"]+(*m)["b"], *ip, *v, l.String(), fs.Args(), fs.ArgsLenAtDash(), err)
	fmt.Print(out.String())
	out.Reset()
	fmt.Print(fs.FlagUsagesWrapped(60))
	fmt.Println(fs.Parse([]string{"--level", "wild"}))
	fmt.Println(fs.Parse([]string{"--nothing"}))
	fmt.Println(errors.Is(fs.Parse([]string{"--help"}), pflag.ErrHelp), len(out.String()) > 100)
	fs.VisitAll(func(f *pflag.Flag) { fmt.Print(f.Name, ":", f.Value.Type(), ":", f.Changed, " ") })
	fmt.Println()
	d, err := fs.GetDuration("wait")
	fmt.Println(d, err)
	var w time.Duration
	g := pflag.NewFlagSet("g", pflag.ContinueOnError)
	g.DurationVar(&w, "d", time.Second, "")
	fmt.Println(g.Set("d", "90s"), w)
}
