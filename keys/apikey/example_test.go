package apikey_test

import (
	"fmt"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

func Example() {
	id, key, err := apikey.Generate(apikey.Live)
	if err != nil {
		panic(err)
	}
	same, env, err := apikey.Parse(string(key.Expose()))
	fmt.Println(same == id, env, err)
	fmt.Println(key) // nobody sees it by accident
	log := []byte("GET /notes?key=" + string(key.Expose()))
	fmt.Println(len(apikey.Find(log)), apikey.InURL("/notes?key="+string(key.Expose())))
	// Output:
	// true live <nil>
	// [REDACTED]
	// 1 true
}
