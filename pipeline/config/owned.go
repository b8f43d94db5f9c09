package config

import (
	"fmt"
	"maps"
	"sync"
)

var owned = struct {
	sync.Mutex // guards the map by
	by         map[string]any
}{by: map[string]any{}}

// OwnDefault sets the default of a setting. path is the path of the setting from the root of the configuration,
// such as memory/queue. The package that uses the setting calls it in init, so that the package holds the
// default. It panics if the setting has a default already.
func OwnDefault(path string, value any) {
	owned.Lock()
	defer owned.Unlock()
	if _, taken := owned.by[path]; taken {
		panic(fmt.Sprintf("config: %s has a second default", path))
	}
	owned.by[path] = value
}

// OwnedDefaults returns the defaults that OwnDefault set, by path.
func OwnedDefaults() map[string]any {
	owned.Lock()
	defer owned.Unlock()
	return maps.Clone(owned.by)
}
