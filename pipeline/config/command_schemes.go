package config

import (
	"strings"
	"sync"
)

var commandSchemes = struct {
	sync.RWMutex // guards names
	names        map[string]bool
}{names: map[string]bool{}}

// RegisterCommandScheme registers a scheme of pulls that is followed by a colon and a command to run. The configuration file
// alone may have such a pull: whoever may write the file may run commands anyway, but a flag or an environment variable often
// comes from elsewhere.
func RegisterCommandScheme(name string) {
	commandSchemes.Lock()
	defer commandSchemes.Unlock()
	commandSchemes.names[name] = true
}

// CommandOf returns the scheme and the command of a pull that runs one. ok is false for any other text.
func CommandOf(pull string) (scheme, command string, ok bool) {
	scheme, command, _ = strings.Cut(pull, ":")
	commandSchemes.RLock()
	defer commandSchemes.RUnlock()
	if !commandSchemes.names[scheme] {
		return "", "", false
	}
	return scheme, command, true
}
