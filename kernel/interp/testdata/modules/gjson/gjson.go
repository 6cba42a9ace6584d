// Package gjson reads paths of JSON.
package gjson

import (
	"fmt"

	"github.com/tidwall/gjson"
	"github.com/tidwall/pretty"
)

const doc = `{"name":{"first":"Tom","last":"An\u0064erson"},"age":37,"children":["Sara","Alex","Jack"],"fav.movie":"Deer Hunter",
"friends":[{"first":"Dale","last":"Murphy","age":44,"nets":["ig","fb"]},{"first":"Roger","age":68},{"first":"Jane","age":47}]}`

// Main prints what the package says.
func Main() {
	for _, p := range []string{
		"name.last", "age", "children", "children.#", "children.1", "child*.2", "fav\\.movie", "friends.#.first", "friends.#(age>45)#.first",
		"friends.#(last==\"Murphy\").nets.0", "friends.#(first%\"D*\").age", "{name.first,age}", "friends.@reverse.0.first", "nothing", "name|@pretty", "@this.age", "children.@join",
	} {
		r := gjson.Get(doc, p)
		fmt.Println(p, r.Exists(), r.Type, r.String())
	}
	gjson.Get(doc, "friends").ForEach(func(k, v gjson.Result) bool {
		fmt.Print(k, v.Get("age").Int()+1, " ")
		return true
	})
	fmt.Println(gjson.Valid(doc), gjson.Valid("{"), gjson.Parse(doc).Get("friends.1").Map()["age"].Float())
	for _, r := range gjson.GetMany(doc, "age", "name.first") {
		fmt.Print(r.Value(), " ")
	}
	gjson.AddModifier("case", func(json, arg string) string {
		if arg == "x" {
			return `"x"`
		}
		return json
	})
	fmt.Println(gjson.Get(doc, "age|@case:x"), len(gjson.Get(doc, "..#").Array()))
	fmt.Print(string(pretty.Pretty([]byte(`{"b":[1,2],"a":null}`))), string(pretty.Ugly([]byte("{ \"x\" : 1 }"))), string(pretty.Color([]byte(`{"a":1}`), nil)), "\n")
}
