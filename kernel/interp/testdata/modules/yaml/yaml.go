// Package yaml reads and writes YAML.
package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

type shape interface{ area() float64 }

type server struct {
	Host    string            `yaml:"host"`
	Ports   []int             `yaml:"ports,flow"`
	Labels  map[string]string `yaml:"labels,omitempty"`
	Timeout time.Duration     `yaml:"timeout"`
	Meta    `yaml:",inline"`
	Size    size
	skip    int
}

type Meta struct {
	Owner string
	Since time.Time
}

type size struct{ W, H float64 }

func (s size) area() float64 { return s.W * s.H }

func (s *size) UnmarshalYAML(n *yaml.Node) error {
	_, err := fmt.Sscanf(n.Value, "%fx%f", &s.W, &s.H)
	return err
}

func (s size) MarshalYAML() (any, error) { return fmt.Sprintf("%gx%g", s.W, s.H), nil }

const doc = `
base: &base {owner: ann, since: 2020-01-02T03:04:05Z}
servers:
  - host: a.example
    ports: [80, 0x1bb]
    timeout: 1m30s
    size: 3x4
    <<: *base
  - host: "b\u00e9"
    ports: []
    labels: {tier: "1", on: yes}
    timeout: 2s
    size: 1x2.5
text: |
  two
  lines
folded: >-
  one
  line
`

// Main prints what the package says.
func Main() {
	var cfg struct {
		Servers []server
		Text    string
		Folded  string
		Base    map[string]any
	}
	err := yaml.Unmarshal([]byte(doc), &cfg)
	fmt.Printf("%+v %v\n", cfg, err)
	var s shape = cfg.Servers[0].Size
	fmt.Println(s.area())
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	fmt.Println(enc.Encode(cfg.Servers), enc.Close())
	fmt.Print(b.String())

	var n yaml.Node
	fmt.Println(yaml.Unmarshal([]byte("# head\na: 1 # side\nb: [x, {y: ~}]\n"), &n))
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		fmt.Printf("%s%d %s %q %d:%d %q\n", strings.Repeat(" ", depth), n.Kind, n.Tag, n.Value, n.Line, n.Column, n.HeadComment+n.LineComment)
		for _, c := range n.Content {
			walk(c, depth+1)
		}
	}
	walk(&n, 0)
	n.Content[0].Content[1].Value = "2"
	text, err := yaml.Marshal(&n)
	fmt.Println(string(text), err)

	dec := yaml.NewDecoder(strings.NewReader("a: 1\n---\na: 2\n---\nb: x\n"))
	dec.KnownFields(true)
	for {
		var v struct{ A int }
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		fmt.Println(v, err)
	}
	var te *yaml.TypeError
	err = yaml.Unmarshal([]byte("[a, b]"), &struct{ X int }{})
	fmt.Println(errors.As(err, &te), err)
	fmt.Println(yaml.Unmarshal([]byte("a: [1,"), &n))
	var anything any
	fmt.Println(yaml.Unmarshal([]byte("{1: a, x: [1.5, true, 2001-02-03, null, .inf, 0o17]}"), &anything), anything)
}
