package session

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// TestExpressionsOfValuesWithMethods: the methods that show a value are code of cells, which an interrupt ends.
func TestExpressionsOfValuesWithMethods(t *testing.T) {
	c := goSession(t)
	c.execute(pipe.Execute{Code: "type T struct{}\nfunc (T) String() string { for {} }\ntype Q struct{}\nfunc (Q) MimeBundle() map[string]any { return nil }"})
	_, done := c.execute(pipe.Execute{Code: "1", UserExpressions: map[string]string{"q": "Q{}"}})
	if e := done.Expressions["q"]; e["status"] == "ok" && reflect.ValueOf(e["data"]).Kind() != reflect.Map {
		t.Errorf("%v", e)
	}
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "1", UserExpressions: map[string]string{"t": "T{}"}})
	stop := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	defer close(stop)
	all.Go(func() { // an interrupt that comes before the method runs ends the cell as well
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				c.send(pipe.KindInterrupt, id, nil)
			}
		}
	})
	if _, last := c.answer(id); last.Kind != pipe.KindDone {
		t.Errorf("%v", last)
	}
}
