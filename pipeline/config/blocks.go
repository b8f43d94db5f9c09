package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
)

// Block is the settings of a part of the program that registers itself, so that the reader of a
// configuration knows no such part by name.
type Block struct {
	Defaults any // a struct
	Doc      string

	// Check finds problems beyond the struct's own hooks, common to all parts of its kind. Its
	// argument is a pointer to the settings. It may be nil.
	Check func(settings any) Problems
}

// Blocks holds the settings of the parts registered under one name, each a pointer to a struct of
// the type of its defaults. A struct's field of this type has the tag `blocks:"ingest"`, and the
// settings of each part are fields of that struct under the part's name.
type Blocks map[string]any

var registered = struct {
	sync.RWMutex // guards under
	under        map[string]map[string]*Block
}{under: map[string]map[string]*Block{}}

// RegisterBlock registers the settings of a part: those of rtsp under ingest have the path
// ingest/rtsp. It is called from init, and panics on a registered name.
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

// fieldsOfBlocks returns the fields of the parts registered under a name.
func fieldsOfBlocks(under string, index []int) (fields []field) {
	registered.RLock()
	defer registered.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(registered.under[under])) {
		b := registered.under[under][name]
		fields = append(fields, field{name, index, reflect.StructTag(`doc:` + strconv.Quote(b.Doc)), b})
	}
	return fields
}

// settings returns the settings of one part, and sets them to its defaults if they do not exist
// yet.
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
