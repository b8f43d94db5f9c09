package platforms

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// meant lists PLATFORMS of the Makefile, and Linux with the calls of other systems.
var meant = []platform{
	{"linux", "amd64", "portable"},
	{"linux", "arm64", ""}, {"linux", "arm", ""}, {"linux", "386", ""}, {"linux", "riscv64", ""},
	{"darwin", "amd64", ""}, {"darwin", "arm64", ""},
	{"freebsd", "amd64", ""},
	{"windows", "amd64", ""},
}

func TestEveryPackageCompilesOnEveryPlatform(t *testing.T) {
	for _, p := range meant {
		t.Run(p.String(), func(t *testing.T) {
			found, err := p.typeCheck("../../..")
			require.NoError(t, err)
			for _, err := range found {
				t.Error(err)
			}
		})
	}
}

func TestTheMakefileListsTheCheckedPlatforms(t *testing.T) {
	text, err := os.ReadFile("../../../Makefile")
	require.NoError(t, err)
	list := regexp.MustCompile(`(?m)^PLATFORMS = (.*)$`).FindSubmatch(text)
	require.NotNil(t, list)
	names := []string{"linux/amd64+portable"}
	var checked []string
	for _, p := range meant {
		checked = append(checked, p.String())
	}
	require.ElementsMatch(t, append(names, strings.Fields(string(list[1]))...), checked)
}

func TestTheTypeCheckFindsErrorsOfOtherPlatforms(t *testing.T) {
	here := platform{"linux", "amd64", ""}
	for name, c := range map[string]struct {
		files map[string]string
		on    platform
		err   string
	}{
		"a constant of more than 32 bits": {
			map[string]string{"a.go": "package a\n\nvar Bytes int = 1 << 40\n"},
			platform{"linux", "arm", ""}, "a.go:3:17: cannot use 1 << 40 (untyped int constant 1099511627776) as int value in variable declaration (overflows)",
		},
		"a field of another width": {
			map[string]string{"a.go": "package a\n\nimport \"syscall\"\n\nfunc F(s syscall.Statfs_t) int64 { return s.Bsize }\n"},
			platform{"linux", "386", ""}, "cannot use s.Bsize (variable of type int32) as int64 value in return statement",
		},
		"a call of Linux": {
			map[string]string{"a.go": "package a\n\nimport \"syscall\"\n\nvar F = syscall.Fallocate\n"},
			platform{"darwin", "arm64", ""}, "undefined: syscall.Fallocate",
		},
		"no form for other systems": {
			map[string]string{"a.go": "package a\n\nvar F = f\n", "a_linux.go": "package a\n\nfunc f() {}\n"},
			platform{"windows", "amd64", ""}, "undefined: f",
		},
		"a package of Linux that is imported": {
			map[string]string{"a.go": "package a\n\nimport _ \"m/b\"\n", "b/b_linux.go": "package b\n"},
			platform{"freebsd", "amd64", ""}, "package m/b has no file for this platform",
		},
		"a function in assembly of another processor": {
			map[string]string{"a.go": "package a\n\nfunc F()\n", "a_amd64.s": "TEXT ·F(SB), 4, $0-0\n\tRET\n"},
			platform{"linux", "riscv64", ""}, "function F has no body",
		},
		"a test": {
			map[string]string{"a.go": "package a\n", "a_test.go": "package a\n\nvar bytes int32 = 1 << 31\n", "b_test.go": "package a_test\n\nimport _ \"m\"\n"},
			here, "a_test.go:3:19: cannot use 1 << 31",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module m\n\ngo 1.26\n"), 0o600))
			for name, text := range c.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			}
			if c.on != here {
				found, err := here.typeCheck(dir)
				require.NoError(t, err)
				require.Empty(t, found, "compiles on %s", here)
			}
			found, err := c.on.typeCheck(dir)
			require.NoError(t, err)
			require.ErrorContains(t, errors.Join(found...), c.err)
		})
	}
}
