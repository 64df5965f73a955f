package allow

import "html/template"

func f(s string) {
	_ = template.HTML(s) //nature:allow s comes from the build
	//nature:allow s comes from the build
	_ = template.HTML(s)

	_ = template.HTML(s) //nature:allow // want `nature:allow gives no reason`
	_ = s                //nature:allow nothing // want `nature:allow allows nothing here`
	_ = template.HTML(s) // want `switches escaping off`
}
