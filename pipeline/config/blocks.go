package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
)

// Block is the settings of a part of the program that registers itself, so that who
// reads a configuration knows no such part by its name.
type Block struct {
	Defaults any // a struct
	Doc      string

	// Check finds what the struct's own hooks do not: what all parts of its kind have in
	// common. It is given a pointer to the settings, and may be nil.
	Check func(settings any) Problems
}

// Blocks are the settings of the parts that are registered under one name, each a pointer
// to a struct of the type of its defaults. A struct's field of this type has the tag
// `blocks:"ingest"`, and the settings of each part are fields of that struct under the
// part's own name.
type Blocks map[string]any

var registered = struct {
	sync.RWMutex // guards under
	under        map[string]map[string]*Block
}{under: map[string]map[string]*Block{}}

// RegisterBlock makes the settings of a part known: those of rtsp under ingest are
// ingest/rtsp. It is called from init, and panics on a name that is taken.
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

// fieldsOfBlocks returns the fields that stand for the parts registered under a name.
func fieldsOfBlocks(under string, index []int) (fields []field) {
	registered.RLock()
	defer registered.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(registered.under[under])) {
		b := registered.under[under][name]
		fields = append(fields, field{name, index, reflect.StructTag(`doc:` + strconv.Quote(b.Doc)), b})
	}
	return fields
}

// settings returns those of one part, which get its defaults where there are none yet.
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
