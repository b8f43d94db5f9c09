package pipeline

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// Services holds the shared parts of the process that stages use, such as the hub, the media pool and the
// catalogue's journal. A stage looks a service up by its type.
//
// The program provides all services before it builds the first run, and does not change them after that.
type Services struct {
	byType map[reflect.Type]any

	mu      sync.Mutex      // guards the following field
	missing map[string]bool // types that Optional did not find
}

// Provide adds a service under the type T, usually an interface that the caller states.
func Provide[T any](s *Services, service T) {
	if s.byType == nil {
		s.byType = map[reflect.Type]any{}
	}
	s.byType[reflect.TypeFor[T]()] = service
}

// Use returns the service of type T (see Services), or an error if the program does not provide it. A constructor of
// a stage that cannot work without the service calls Use and returns the error. Build adds the stage's name to the
// error.
func Use[T any](set Settings) (T, error) {
	v, ok := find[T](set)
	if !ok {
		return v, fmt.Errorf("no %v here: the program does not provide it", reflect.TypeFor[T]())
	}
	return v, nil
}

// Optional returns the service of type T, or the value otherwise if the program does not provide the service.
// Services.Missing lists the types that were not found.
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

// Missing returns the names of the types that Optional did not find. A program that provides every service checks
// that the result is empty: Optional returns no error for a service that was provided under a wrong type.
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
