package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
)

// Block describes the settings of a part of the program, such as a server. The part registers them itself, so
// the code that reads the configuration does not name the part.
type Block struct {
	Defaults any // struct with the default settings
	Doc      string

	// Check returns the problems that the struct's own hooks cannot find. Its argument is a pointer to the
	// settings. Check may be nil.
	Check func(settings any) Problems
}

// Blocks holds the settings of all parts that registered under one name. The key is the name of the part, and
// the value a pointer to its settings, of the type of Block.Defaults. A field of this type has the tag
// `blocks:"ingest"`: in the configuration, the settings of each part stand beside the struct's other fields,
// under the part's name.
type Blocks map[string]any

var registered = struct {
	sync.RWMutex // guards the map under
	under        map[string]map[string]*Block
}{under: map[string]map[string]*Block{}}

// RegisterBlock registers the settings of a part. For example, under is ingest and name is rtsp for the settings
// with the path ingest/rtsp. The package of the part calls it in init. It panics if the name is registered
// already, or if b.Defaults is not a struct.
func RegisterBlock(under, name string, b Block) {
	if reflect.TypeOf(b.Defaults).Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: the settings %s/%s are not a struct", under, name))
	}
	registered.Lock()
	defer registered.Unlock()
	if registered.under[under][name] != nil {
		panic(fmt.Sprintf("config: %s/%s is registered twice", under, name))
	}
	if registered.under[under] == nil {
		registered.under[under] = map[string]*Block{}
	}
	registered.under[under][name] = &b
	OwnDefault(Join(under, name), b.Defaults)
}

// fieldsOfBlocks returns a field for each Block that RegisterBlock registered under the name under, sorted by the
// names of the Blocks. index is the index, in its struct, of the field of type Blocks that holds their settings.
func fieldsOfBlocks(under string, index []int) (fields []field) {
	registered.RLock()
	defer registered.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(registered.under[under])) {
		b := registered.under[under][name]
		fields = append(fields, field{name, index, reflect.StructTag(`doc:` + strconv.Quote(b.Doc)), b})
	}
	return fields
}

// settings returns the settings of the part name from all, a value of type Blocks. If all has no settings of this
// part, settings makes them with the defaults, and stores them in all if all can be set.
func (b *Block) settings(name string, all reflect.Value) reflect.Value {
	blocks := all.Interface().(Blocks)
	if blocks[name] != nil {
		return reflect.ValueOf(blocks[name]).Elem()
	}
	fresh := reflect.New(reflect.TypeOf(b.Defaults))
	fresh.Elem().Set(reflect.ValueOf(b.Defaults))
	if !all.CanSet() {
		return fresh.Elem()
	}
	if blocks == nil {
		blocks = Blocks{}
		all.Set(reflect.ValueOf(blocks))
	}
	blocks[name] = fresh.Interface()
	return fresh.Elem()
}
