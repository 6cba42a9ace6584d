// Package toml reads and writes TOML.
package toml

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/BurntSushi/toml"
)

type song struct {
	Name string
	Len  duration `toml:"len"`
	Tags []string
}

type duration struct{ time.Duration }

func (d *duration) UnmarshalText(b []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(b))
	return err
}

func (d duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

type album struct {
	Title string
	Year  int
	Rate  float64
	At    time.Time
	Songs []song `toml:"song"`
	Extra map[string]any
	Ptr   *int
}

const doc = `
title = "T"
year = 1_984
rate = 1e3
at = 1979-05-27T07:32:00-08:00
unknown.key = [1, 2]

[[song]]
name = 'One'
len = "4m3s"
tags = ["a", """b
c"""]

[[song]]
name = "Tw\u00f6"
len = "59s"

[extra]
x = {p = [1, 2.5], q = true}
d = 2001-02-03
`

// Main prints what the package says.
func Main() {
	var a album
	md, err := toml.Decode(doc, &a)
	fmt.Printf("%+v %v\n", a, err)
	fmt.Println(md.Undecoded(), md.IsDefined("extra", "x", "p"), md.Type("rate"), md.Keys()[:3])
	a.At = a.At.UTC()
	var b bytes.Buffer
	fmt.Println(toml.NewEncoder(&b).Encode(a))
	fmt.Print(b.String())
	var m map[string]any
	_, err = toml.Decode(b.String(), &m)
	fmt.Println(m["song"].([]map[string]any)[1]["Name"], err)
	var pe toml.ParseError
	_, err = toml.Decode("a = 1\nb = [1, \"x\nc = 2\n", &m)
	if errors.As(err, &pe) {
		fmt.Println(pe.Position.Line, pe)
		fmt.Println(pe.ErrorWithPosition())
	}
	_, err = toml.Decode("year = 'no'", &a)
	fmt.Println(err)
	var prim struct {
		Kind string
		Data toml.Primitive
	}
	md, err = toml.Decode("kind = 'song'\n[data]\nname = 'late'\nlen = '1s'\n", &prim)
	var s song
	fmt.Println(err, md.PrimitiveDecode(prim.Data, &s), s)
}
