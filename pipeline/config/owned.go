package config

import (
	"fmt"
	"maps"
	"sync"
)

var owned = struct {
	sync.Mutex // guards by
	by         map[string]any
}{by: map[string]any{}}

// OwnDefault declares that the caller owns a setting, named by its path from the root of the
// configuration such as memory/queue, and sets its default. So the default is in the package that
// uses the setting. It is called from init, and panics if the setting has an owner already.
func OwnDefault(path string, value any) {
	owned.Lock()
	defer owned.Unlock()
	if _, taken := owned.by[path]; taken {
		panic(fmt.Sprintf("config: %s has a second default", path))
	}
	owned.by[path] = value
}

// OwnedDefaults returns the defaults set by OwnDefault, by path.
func OwnedDefaults() map[string]any {
	owned.Lock()
	defer owned.Unlock()
	return maps.Clone(owned.by)
}
