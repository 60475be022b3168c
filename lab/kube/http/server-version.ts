/** The release of Kubernetes whose API is served, as `/version` and OpenAPI tell it. */
export const serverVersionText = "v1.33.0+routelb-lab";
