export default function Page() {
  return <h1>Platforms</h1>;
}
