// Package command runs programs, each in a group of its own that ends as a whole, and without the environment of the process,
// which may hold passwords.
package command

import "os"

// Environment returns variables of the process's environment, each as NAME=value: PATH, HOME, LANG, TZ and TMPDIR, which every
// program may need, and those with the given names.
func Environment(names []string) []string {
	out := []string{}
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TZ", "TMPDIR"}, names...) {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	return out
}
