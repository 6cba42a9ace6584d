// Command yaegi runs the programs of go run ./bench interp in yaegi: for each line of JSON that it reads, it evaluates
// setup once, then run as often as it is asked, and answers with the nanoseconds that each took and the last value.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"
)

type request struct {
	Setup []string
	Run   string
	Times int
}

type answer struct {
	Nanoseconds []int64
	Value, Err  string
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var q request
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		text, _ := json.Marshal(run(q))
		fmt.Println(string(text))
	}
}

func run(q request) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a.Err = fmt.Sprint(r)
		}
	}()
	i := interp.New(interp.Options{})
	if err := i.Use(stdlib.Symbols); err != nil {
		return answer{Err: err.Error()}
	}
	for _, s := range q.Setup {
		if _, err := i.Eval(s); err != nil {
			return answer{Err: err.Error()}
		}
	}
	for range q.Times {
		began := time.Now()
		v, err := i.Eval(q.Run)
		a.Nanoseconds = append(a.Nanoseconds, time.Since(began).Nanoseconds())
		if err != nil {
			return answer{Err: err.Error()}
		}
		a.Value = fmt.Sprint(v)
	}
	return a
}
