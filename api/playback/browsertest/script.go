//go:build linux

package browsertest

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed npm
var packages embed.FS

// Script installs hls.js, of the version in npm, below a directory that does not exist yet, and returns its file.
func Script(dir string) (file string, err error) {
	files, err := fs.Sub(packages, "npm")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return filepath.Join(dir, "node_modules", "hls.js", "dist", "hls.min.js"), nil
}
