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

// OwnDefault says that a setting, named by its path from the root of the
// configuration such as memory/queue, belongs to the caller, and what it is where
// nothing is written. So the default stands in the package that the setting is for.
// It is called from init, and panics where the setting has an owner already.
func OwnDefault(path string, value any) {
	owned.Lock()
	defer owned.Unlock()
	if _, taken := owned.by[path]; taken {
		panic(fmt.Sprintf("config: %s has a second default", path))
	}
	owned.by[path] = value
}

// OwnedDefaults returns the settings that OwnDefault was called for, by path.
func OwnedDefaults() map[string]any {
	owned.Lock()
	defer owned.Unlock()
	return maps.Clone(owned.by)
}
