package pipeline

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// Services are the shared parts of the process that stages may ask for, by type:
// the hub, the media pool, the catalogue's journal.
//
// They are provided before the first build and not changed after it.
type Services struct {
	byType map[reflect.Type]any

	mu      sync.Mutex      // guards what follows
	missing map[string]bool // types that Optional did not find
}

// Provide adds a service under its static type T.
func Provide[T any](s *Services, service T) {
	if s.byType == nil {
		s.byType = map[reflect.Type]any{}
	}
	s.byType[reflect.TypeFor[T]()] = service
}

// Use returns the service of type T, which the stage cannot do without. A stage's
// constructor asks for what it needs, so that a part that is missing is an error of
// Build, with the stage's name.
func Use[T any](set Settings) (T, error) {
	v, ok := find[T](set)
	if !ok {
		return v, fmt.Errorf("no %v here: the program does not provide it", reflect.TypeFor[T]())
	}
	return v, nil
}

// Optional returns the service of type T, or what stands for it where the program
// does not provide one. What was asked for in vain is in Services.Missing.
func Optional[T any](set Settings, otherwise T) T {
	v, ok := find[T](set)
	if ok {
		return v
	}
	if s := set.services; s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.missing == nil {
			s.missing = map[string]bool{}
		}
		s.missing[reflect.TypeFor[T]().String()] = true
	}
	return otherwise
}

// Missing lists the types that stages have asked for by Optional and not found. A
// program that means to provide every part checks that there is none: a service that
// was provided under another type than it is asked for by is found by this alone.
func (s *Services) Missing() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.missing))
}

func find[T any](set Settings) (v T, ok bool) {
	if set.services != nil {
		v, ok = set.services.byType[reflect.TypeFor[T]()].(T)
	}
	return v, ok
}
