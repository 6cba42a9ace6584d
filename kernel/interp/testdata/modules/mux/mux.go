// Package mux routes requests.
package mux

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gorilla/mux"
)

// Main prints what the package says.
func Main() {
	r := mux.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("X-Via", mux.CurrentRoute(q).GetName())
			next.ServeHTTP(w, q)
		})
	})
	r.HandleFunc("/articles/{category}/{id:[0-9]+}", func(w http.ResponseWriter, q *http.Request) {
		v := mux.Vars(q)
		fmt.Fprintf(w, "%s %s", v["category"], v["id"])
	}).Methods("GET", "POST").Name("article")
	s := r.PathPrefix("/api").Subrouter()
	s.HandleFunc("/q", func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, "q=", q.FormValue("x")) }).Queries("x", "{x}").Name("q")
	r.Handle("/old", http.RedirectHandler("/new", http.StatusFound)).Name("old")
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.WriteHeader(404)
		fmt.Fprint(w, "none: ", q.URL.Path)
	})
	srv := httptest.NewServer(r)
	defer srv.Close()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, p := range []string{"GET /articles/go/12", "GET /articles/go/x", "PUT /articles/go/12", "GET /api/q?x=7", "GET /api/q", "GET /old", "GET //a/../b"} {
		m, path, _ := strings.Cut(p, " ")
		q, _ := http.NewRequest(m, srv.URL+path, nil)
		resp, err := c.Do(q)
		if err != nil {
			fmt.Println(err)
			continue
		}
		b := make([]byte, 100)
		n, _ := resp.Body.Read(b)
		resp.Body.Close()
		fmt.Println(p, resp.StatusCode, resp.Header.Get("X-Via"), resp.Header.Get("Location"), string(b[:n]))
	}
	u, err := r.Get("article").URL("category", "tech", "id", "42")
	fmt.Println(u, err)
	_, err = r.Get("article").URL("category", "tech", "id", "no")
	fmt.Println(err)
	_ = r.Walk(func(rt *mux.Route, _ *mux.Router, anc []*mux.Route) error {
		t, _ := rt.GetPathTemplate()
		ms, _ := rt.GetMethods()
		fmt.Print(t, ms, len(anc), " ")
		return nil
	})
	fmt.Println()
}
