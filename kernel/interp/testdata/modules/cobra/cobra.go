// Package cobra is a command line with commands below it.
package cobra

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Main prints what the package says.
func Main() {
	var loud bool
	var times int
	root := &cobra.Command{Use: "tool", Short: "a tool", Long: "A tool that greets.", Version: "1.2.3", SilenceUsage: true}
	root.PersistentFlags().BoolVarP(&loud, "loud", "l", false, "in capitals")
	greet := &cobra.Command{
		Use: "greet NAME", Aliases: []string{"hi"}, Short: "say hello", Args: cobra.ExactArgs(1), Example: "  tool greet Ann",
		RunE: func(c *cobra.Command, args []string) error {
			s := "hello " + args[0]
			if loud {
				s = strings.ToUpper(s)
			}
			for range times {
				c.Println(s)
			}
			if args[0] == "nobody" {
				return errors.New("nobody is there")
			}
			return nil
		},
	}
	greet.Flags().IntVarP(&times, "times", "t", 1, "how often")
	sum := &cobra.Command{Use: "sum", Short: "add", Args: cobra.MinimumNArgs(2), Run: func(c *cobra.Command, args []string) {
		c.Println(len(args), c.CommandPath(), c.Flags().Lookup("mode").Value)
	}}
	sum.Flags().String("mode", "fast", "how")
	_ = sum.MarkFlagRequired("mode")
	hidden := &cobra.Command{Use: "secret", Hidden: true, Run: func(*cobra.Command, []string) {}}
	root.AddCommand(greet, sum, hidden)
	var pre []string
	root.PersistentPreRun = func(c *cobra.Command, _ []string) { pre = append(pre, c.Name()) }
	for _, line := range []string{
		"greet Ann", "hi Bob -l --times 2", "greet", "gret x", "sum 1 2 --mode slow", "sum 1 2", "greet nobody", "--version", "greet --help", "help", "--wrong", "completion bash --help",
	} {
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(strings.Fields(line))
		loud, times = false, 1
		err := root.Execute()
		fmt.Printf("$ tool %s\n%serr: %v\n", line, out.String(), err)
	}
	fmt.Println(pre)
	var out bytes.Buffer
	fmt.Println(root.GenBashCompletionV2(&out, true), out.Len() > 1000, root.SuggestionsFor("gret"))
}
