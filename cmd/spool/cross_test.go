package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The recorder also runs on small machines. Code that compiles on this machine may not compile
// for them: a number in a system call may have 32 bits. vet compiles the tests, too.
func TestSmallMachinesAreBuiltFor(t *testing.T) {
	for _, arch := range []string{"arm", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
			cmd.Dir = root
			cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}
