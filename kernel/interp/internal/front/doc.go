// Package front turns the cells of a notebook into packages: it splits a cell
// into imports, declarations and statements, gives its variables a life beyond
// it, checks it with go/types, and builds its SSA. It also answers what an
// editor asks: completion, inspection, whether a cell is complete.
//
// Each cell is a package called main. Top-level variables become variables of
// the package, what earlier cells declared is put into its scope, and the
// statements become the body of one function. A name declared again hides the
// earlier one; where its type is the same, the two share their memory, and
// where a function's signature is the same, earlier callers call the later one.
//
// The way of a cell, from Session.Compile (cell.go), with one builder a cell:
//
//  1. split.go cuts the source into pieces, and assemble in cell.go makes a Go
//     file of them, with line directives that keep every position; refuse.go
//     finds what a cell cannot have, syntax.go says what does not parse.
//  2. collect and hoist in cell.go take the variables out of the statements;
//     initorder.go is about cells that only declare, types.go about types that
//     are declared again and methods that come later, history.go about In and
//     Out, noimport.go about imports that are left out, halfway.go about what
//     stays of a cell that fails.
//  3. check.go has it checked, again and again until nothing is missing; diag.go
//     and suggest.go make the errors.
//  4. ssa in check.go has the SSA built; evalorder.go and rewrite.go change the
//     checked source before, where the builder's order is not the compiler's.
//  5. commit in check.go makes the names live, notes.go tells who keeps calling
//     what they were, and forget.go drops what nothing can name any more.
//
// For a debugger, debug.go builds a cell once more, with a call before each
// statement, and tells what names mean at a place.
//
// What is imported comes through importer.go: packages that are built in from
// their archives, those of modules through modules.go, with embed.go and
// tables.go for their embedded files and large literals. A whole program goes
// through program.go instead of 1 to 5.
//
// A question begins in complete.go or inspect.go. Both make a query (query.go):
// the cell as far as it is typed, mended (mend.go), checked in a scope like that
// of a cell and then thrown away. members.go, wanted.go and instring.go find the
// candidates, docs.go, sourcedocs.go and builtins.go what is known of a name,
// brief.go what it holds. iscomplete.go needs only the scanner.
package front
